//! The program that leaves lines for the top of the hosts file.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use aerostat_core::{Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tracing::info;

use crate::block::Layout;
use crate::failure::failure;
use crate::sidecar::Part;

/// How long the program may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How long is waited for what the program's children, which outlived it, still print.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The program, and where it leaves its lines.
#[derive(Clone, Debug)]
pub(crate) struct Legacy {
    pub(crate) program: PathBuf,
    pub(crate) lines: PathBuf,
}

impl Legacy {
    /// Runs the program.
    pub(crate) async fn run(&self) -> Result<()> {
        self.run_within(LIMIT).await.map_err(|error| {
            let error = error.during("run the legacy updater").with("program", self.program.display());
            match error.advice() {
                Some(_) => error,
                None => error.hint("see what it printed in the log; the hosts file is as it was"),
            }
        })
    }

    async fn run_within(&self, limit: Duration) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.env("AEROSTAT_LEGACY", &self.lines).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that what the program started can be ended with it.
        command.process_group(0);
        let child = command.spawn().map_err(|error| {
            Error::new(ErrorKind::Config, format!("can't be started: {error}"))
                .hint("name a program that root may execute, with its whole path")
        })?;
        let mut group = Group::of(child);
        let printed = [
            group.child.stdout.take().map(|out| tokio::spawn(log("stdout", out))),
            group.child.stderr.take().map(|out| tokio::spawn(log("stderr", out))),
        ];
        let status = timeout(limit, group.child.wait()).await.map_err(|_| {
            Error::new(ErrorKind::TimedOut, format!("took longer than {} s", limit.as_secs()))
        })?;
        group.is_over = true;
        let status = status.map_err(|error| Error::new(ErrorKind::Io, error.to_string()))?;
        for mut printed in printed.into_iter().flatten() {
            if timeout(LAST_WORDS, &mut printed).await.is_err() {
                printed.abort();
            }
        }
        if status.success() {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Unavailable, format!("failed: {status}")))
        }
    }

    /// Reads what the program left, as it goes to the top: with a last newline, and without blocks of ours.
    pub(crate) fn read(&self) -> Result<Top> {
        let content = std::fs::read(&self.lines).map_err(|error| {
            let hint = (error.kind() == io::ErrorKind::NotFound)
                .then_some("the legacy updater must write it; see `legacy` in section `hosts-file`");
            let error = failure("read what the legacy updater left", &self.lines)(error);
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })?;
        Ok(Top::of(&content))
    }

    /// Which part what lies there now would be at the top, if anything lies there.
    pub(crate) fn present(&self) -> Option<Part> {
        std::fs::read(&self.lines).ok().map(|content| Part::of(&Top::of(&content).content))
    }
}

/// What goes to the top.
#[derive(Debug)]
pub(crate) struct Top {
    pub(crate) content: Vec<u8>,
    pub(crate) warning: Option<String>,
}

impl Top {
    fn of(content: &[u8]) -> Self {
        let mut top: Vec<u8> = Vec::with_capacity(content.len() + 1);
        for part in Layout::of(content).outside() {
            top.extend_from_slice(part);
        }
        let warning = (top.len() < content.len())
            .then(|| "the legacy updater left a block of aerostat, which is left out".to_owned());
        if top.last().is_some_and(|byte| *byte != b'\n') {
            top.push(b'\n');
        }
        Self { content: top, warning }
    }
}

/// A program with all that it started, which ends when this is dropped too early.
struct Group {
    child: Child,
    id: Option<Pid>,
    is_over: bool,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Self { child, id, is_over: false }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id.filter(|_| !self.is_over) {
            // It may be gone already.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

/// Logs what a program prints, line by line.
async fn log(stream: &'static str, out: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(out).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        info!(stream, "legacy updater: {}", String::from_utf8_lossy(&line).escape_debug());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn script(body: &str) -> (tempfile::TempDir, Legacy) {
        let dir = tempfile::tempdir().unwrap();
        let legacy = Legacy { program: dir.path().join("updater"), lines: dir.path().join("hosts.legacy") };
        fs::write(&legacy.program, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&legacy.program, fs::Permissions::from_mode(0o755)).unwrap();
        (dir, legacy)
    }

    async fn refused(body: &str, kind: ErrorKind, message: &str) {
        let (_dir, legacy) = script(body);
        let error = legacy.run().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{body}");
        assert!(error.message().contains(message), "{body}: {error}");
        assert!(error.to_string().contains("/updater"), "{error}");
    }

    #[tokio::test]
    async fn every_other_end_than_status_zero_is_an_error() {
        refused("exit 1", ErrorKind::Unavailable, "exit status: 1").await;
        refused("exit 255", ErrorKind::Unavailable, "exit status: 255").await;
        refused("kill -9 $$", ErrorKind::Unavailable, "signal: 9").await;
        refused("kill -TERM $$", ErrorKind::Unavailable, "signal: 15").await;
        let (_dir, mut legacy) = script("");
        legacy.run().await.unwrap();
        legacy.program.set_extension("missing");
        let error = legacy.run().await.unwrap_err();
        assert!(error.message().contains("can't be started"), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_takes_too_long_is_ended_with_all_that_it_started() {
        let (dir, legacy) = script("sleep 1000 & echo $! > \"${AEROSTAT_LEGACY}.pid\"; wait");
        let error = legacy.run_within(Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let id = fs::read_to_string(dir.path().join("hosts.legacy.pid")).unwrap();
        let process = PathBuf::from("/proc").join(id.trim()).join("stat");
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z")) {
            assert!(std::time::Instant::now() < deadline, "the child lives on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_child_that_goes_on_and_much_that_is_printed_hinder_nothing() {
        let (_dir, legacy) = script(
            "sleep 5 & i=0; while [ $i -lt 5000 ]; do echo 0123456789012345678901234567890; i=$((i+1)); done",
        );
        legacy.run().await.unwrap();
    }

    #[test]
    fn what_was_left_ends_with_a_newline_and_has_no_block_of_ours() {
        for (left, top, warned) in [
            (&b"a\nb"[..], &b"a\nb\n"[..], false),
            (b"", b"", false),
            (b"a\r\n\xff\0\n", b"a\r\n\xff\0\n", false),
            (b"a\n# AEROSTAT\n10.0.0.1 web-0\n# /AEROSTAT\nb", b"a\nb\n", true),
            (b"# AEROSTAT\nx", b"x\n", true),
        ] {
            let read = Top::of(left);
            assert_eq!(read.content, top);
            assert_eq!(read.warning.is_some(), warned, "{}", left.escape_ascii());
        }
    }

    #[test]
    fn nothing_left_is_an_error_that_names_the_file() {
        let (_dir, legacy) = script("");
        let error = legacy.read().unwrap_err();
        assert!(error.to_string().contains("hosts.legacy"), "{error}");
        assert!(error.advice().unwrap().contains("legacy updater must write it"), "{error}");
        assert!(legacy.present().is_none());
    }
}
