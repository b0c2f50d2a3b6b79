//! One publish, from what is there to what was done: all that blocks.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aerostat_core::{Outcome, Published, Result, Revision};
use aerostat_durable::{How, Replacement};

use crate::block::{Layout, is_same};
use crate::difference::difference;
use crate::failure::failure;
use crate::legacy::{Legacy, Top};
use crate::render::Rendered;
use crate::sidecar::{Memory, Part, Sidecar};

/// What is to be published where.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) path: PathBuf,
    pub(crate) revision: Revision,
    pub(crate) rendered: Rendered,
    pub(crate) legacy: Option<Ran>,
}

/// The legacy updater after its run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) legacy: Legacy,
    /// What its file was before.
    pub(crate) before: Option<Part>,
}

impl Publication {
    /// Makes the table visible.
    pub(crate) fn write(self, sidecar: &Sidecar) -> Result<Published> {
        let backup = backup(&self.path);
        let mend = failure("mend the hosts file", &self.path);
        aerostat_durable::sweep(&self.path).map_err(&mend)?;
        aerostat_durable::sweep(&backup).map_err(&mend)?;
        let is_healed = aerostat_durable::recover(&self.path, &backup).map_err(&mend)?;
        let memory = sidecar.read()?;
        let old = content(&self.path)?;
        let top = self.legacy.as_ref().map(|ran| ran.legacy.read()).transpose()?;
        let mut plan = self.plan(&old, &memory, top.as_ref());
        if is_healed {
            plan.warnings.insert(0, "a write that was cut off was completed".to_owned());
        }
        let changes = !is_same(&old, &plan.parts);
        if changes {
            // Both parts are known while the file may have either.
            let mut meanwhile = plan.memory.clone();
            meanwhile.legacy.extend(memory.legacy.iter().filter(|part| !plan.memory.legacy.contains(part)));
            remember(sidecar, &memory, &meanwhile)?;
            let how = write(&self.path, &backup, &plan.parts)
                .map_err(failure("write the hosts file", &self.path))?;
            if how == How::InPlace {
                tracing::debug!(path = %self.path.display(), "the hosts file was written in place");
            }
            remember(sidecar, &meanwhile, &plan.memory)?;
        } else {
            remember(sidecar, &memory, &plan.memory)?;
        }
        Ok(plan.account(&self.path, changes, Vec::new()))
    }

    /// Says what [`write`](Self::write) would do.
    pub(crate) fn preview(self) -> Result<Published> {
        let torn = aerostat_durable::torn(&self.path, backup(&self.path))
            .map_err(failure("read the hosts file", &self.path))?;
        let old = content(torn.as_deref().unwrap_or(&self.path))?;
        let memory = Sidecar::peek(&self.path);
        let mut plan = self.plan(&old, &memory.clone().unwrap_or_default(), None);
        if memory.is_none() {
            plan.warnings.push(format!(
                "{} can't be read: whether the table is older than the last is not known",
                Sidecar::path(&self.path).display()
            ));
        }
        let changes = !is_same(&old, &plan.parts);
        let difference = if changes { difference(&old, &plan.parts.concat()) } else { Vec::new() };
        Ok(plan.account(&self.path, changes, difference))
    }

    /// Decides what the file is to be.
    fn plan<'a>(&'a self, old: &'a [u8], memory: &Memory, top: Option<&'a Top>) -> Plan<'a> {
        let (present, rest) =
            old.split_at_checked(self.length_of_top(old, memory, top)).unwrap_or((&[], old));
        let layout = Layout::of(rest);
        let mut warnings = Vec::new();
        let mut next = memory.clone();
        if let Some(top) = top {
            warnings.extend(top.warning.clone());
            if present.is_empty() && memory.legacy.iter().any(|part| part.length > 0) {
                warnings.push(
                    "what the legacy updater left the last time was changed or moved since; it stays below \
                     what it left now"
                        .to_owned(),
                );
            }
            next.legacy = vec![Part::of(&top.content)];
        }
        let top = top.map_or(present, |top| &top.content);
        let kept = self.reason_to_keep(memory, &layout);
        let is_kept = kept.is_some();
        let parts = if let Some(reason) = kept {
            warnings.push(reason);
            vec![top, rest]
        } else {
            next.revision = Some(self.revision);
            warnings.extend(layout.damage.iter().chain(&self.rendered.warnings).cloned());
            layout.with(top, &self.rendered.lines)
        };
        Plan { parts, memory: next, warnings, is_kept }
    }

    /// Why the table is not to be shown, if there is a reason.
    fn reason_to_keep(&self, memory: &Memory, layout: &Layout<'_>) -> Option<String> {
        if self.rendered.lines.is_empty() && layout.shows_something {
            return Some(
                "the table has no addresses, but the last one had: its lines are kept; if that is right, remove \
                 the lines of the block by hand"
                    .to_owned(),
            );
        }
        let last = memory.revision.filter(|last| self.revision < *last)?;
        Some(format!(
            "revision {} is older than the last one, {last}: the lines of that one are kept",
            self.revision
        ))
    }

    /// How long the part is that the legacy updater's last run put at the top. Without a new one it is just more of
    /// what isn't ours.
    fn length_of_top(&self, old: &[u8], memory: &Memory, top: Option<&Top>) -> usize {
        let Some(top) = top else { return 0 };
        let guessed = [self.legacy.as_ref().and_then(|ran| ran.before), Some(Part::of(&top.content))];
        let known = memory.legacy.iter().copied();
        let candidates: Vec<_> =
            if memory.legacy.is_empty() { guessed.into_iter().flatten().collect() } else { known.collect() };
        candidates.into_iter().filter_map(|part| part.begins(old)).max().unwrap_or(0)
    }
}

/// What the file is to be.
struct Plan<'a> {
    parts: Vec<&'a [u8]>,
    memory: Memory,
    warnings: Vec<String>,
    is_kept: bool,
}

impl Plan<'_> {
    fn account(self, path: &Path, changes: bool, difference: Vec<String>) -> Published {
        let outcome = match (self.is_kept, changes) {
            (true, _) => Outcome::Kept,
            (false, true) => Outcome::Written,
            (false, false) => Outcome::Unchanged,
        };
        Published { outcome, target: path.display().to_string(), difference, warnings: self.warnings }
    }
}

/// Where the content before is kept.
fn backup(hosts: &Path) -> PathBuf {
    let mut path = hosts.as_os_str().to_owned();
    path.push(".bak");
    path.into()
}

/// What the hosts file has; one that isn't there has nothing.
fn content(path: &Path) -> Result<Vec<u8>> {
    match std::fs::metadata(path) {
        // Asked before it is opened: opening a pipe would wait for its other end.
        Ok(about) if !about.is_file() && !about.is_dir() => Err(io::ErrorKind::InvalidInput.into()),
        _ => std::fs::read(path),
    }
    .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(Vec::new()) } else { Err(error) })
    .map_err(failure("read the hosts file", path))
}

fn remember(sidecar: &Sidecar, known: &Memory, memory: &Memory) -> Result<()> {
    if known == memory { Ok(()) } else { sidecar.write(memory) }
}

fn write(path: &Path, backup: &Path, parts: &[&[u8]]) -> io::Result<How> {
    let mut replacement = Replacement::begin(path)?.keeping(backup);
    for part in parts {
        replacement.write_all(part)?;
    }
    replacement.commit()
}
