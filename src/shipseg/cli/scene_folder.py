"""Where the results of scenes go: names in the output folder, and what is refused there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shipseg.cli.outputs import refuse_to_clobber
from shipseg.errors import OutputExistsError, UsageError
from shipseg.inference.shards import Shard
from shipseg.writers.names import file_stems


@dataclass(frozen=True, slots=True)
class SceneFolder:
    """Names of what goes into the output folder.

    Attributes:
        root: The folder.
        formats: Of each scene's results.
        shard: Which part of the scenes this run does; None means all.
    """

    root: Path
    formats: tuple[str, ...]
    shard: Shard | None = None

    @property
    def table(self) -> Path:
        """The table of scenes."""
        return self.root / f"scenes{self._part}.csv"

    @property
    def journal(self) -> Path:
        """What is finished."""
        return self.root / f".scenes{self._part}.journal"

    @property
    def _part(self) -> str:
        return "" if self.shard is None else f"-{self.shard.number}-of-{self.shard.count}"

    def folders(self, scenes: Sequence[Path]) -> list[tuple[Path, Path]]:
        """List scenes and the folder of each; the names of all scenes decide, whatever the shard.

        Args:
            scenes: All of them.
        """
        stems = file_stems(path.name for path in scenes)
        mine = scenes if self.shard is None else self.shard.take(scenes)
        return [(path, self.root / stems[path.name]) for path in mine]


def refuse_old_results(
    folder: SceneFolder, scenes: Sequence[tuple[Path, Path]], *, overwrite: bool, resume: bool
) -> None:
    """Refuse a folder with results, unless they are to be replaced or gone on with.

    Raises:
        UsageError: Both are asked for.
        OutputExistsError: Neither is, and results are there.
    """
    if overwrite and resume:
        raise UsageError("--resume keeps what is there, and --overwrite replaces it; choose one")
    begun = folder.journal.exists()
    if resume and begun:
        return
    if begun and not overwrite:
        raise OutputExistsError(
            f"a run has begun in '{folder.root}'",
            hint="go on with --resume, begin anew with --overwrite, or name another folder with -o",
        )
    targets = [folder.table, *(place for _, place in scenes)]
    refuse_to_clobber(targets, overwrite=overwrite)
