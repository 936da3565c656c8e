"""`git-checkout`: a clean tree at exactly the job's commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import BuildRequest, Options, StepContext, StepResult
from pipelines.domain.validation import check_branch, check_commit
from pipelines.git.mirror import Git, GitRun, Mirror
from pipelines.git.remote import (
    check_repository,
    excerpt,
    git_environment,
    public_url,
    resolve_branch,
    says_not_there,
    says_unreachable,
)
from pipelines.workspace.removal import discard

_SHOWN_CHANGES = 10


class CheckoutOptions(Options):
    """Nothing to choose: repository and submodules are the pipeline's `source`."""


@dataclass(frozen=True, slots=True)
class _Tree:
    """What is checked out."""

    commit: str
    tree: str
    commit_time: str
    changes: tuple[str, ...]


class GitCheckout:
    """Makes the source tree anew each time it runs; the commit comes from the builder's mirror."""

    name = "git-checkout"
    summary = "get a clean source tree at exactly the job's commit"
    options = CheckoutOptions
    values = ("commit", "tree", "commit_time", "branch", "repository")

    def identity(
        self,
        options: CheckoutOptions,  # noqa: ARG002 - a kind's signature
        context: StepContext,
    ) -> Mapping[str, str]:
        """Commit and repository: a commit's id covers its tree and its submodules.

        The branch too, because it is one of the values that the step gives.
        """
        return {
            "branch": context.request.branch or "none",
            "commit": context.request.commit or "none",
            "repository": public_url(context.source.repository),
            "submodules": str(context.source.submodules).lower(),
            **({"lfs": "true"} if context.source.lfs else {}),
        }

    def run(self, options: CheckoutOptions, context: StepContext) -> StepResult:  # noqa: ARG002
        """Fetch, check out, verify.

        Raises BadValue; StepFailed COMMIT_NOT_FOUND, SOURCE_UNREACHABLE, CHECKOUT_FAILED.
        """
        commit = _wanted_commit(context.request, context.source.repository, context.env)
        url = check_repository(public_url(context.source.repository))
        env = git_environment(context.source.repository, context.env)
        git = Git(commands=context.commands, env=env, progress=context.progress)
        source = context.workspace.source
        discard(source.parent, context.workspace.discarded)
        source.parent.mkdir(parents=True)
        _populate(Mirror(context.workspace.mirrors, url, git), git, source, commit)
        _set_origin(git, source, url)
        if context.source.submodules:
            _update_submodules(git, source)
        if context.source.lfs:
            _fetch_large_files(git, source)
        tree = _verified(source, env, commit)
        return StepResult(
            reason=f"checked out {commit[:12]}{_of(context.request.branch)}",
            outputs=(source / ".git" / "HEAD",),
            digest=tree.tree,
            values={
                "commit": tree.commit,
                "tree": tree.tree,
                "commit_time": tree.commit_time,
                "branch": context.request.branch,
                "repository": url,
            },
        )


GIT_CHECKOUT = GitCheckout()


def _wanted_commit(request: BuildRequest, repository: str, env: Mapping[str, str]) -> str:
    branch = check_branch(request.branch) if request.branch is not None else None
    if request.commit is not None:
        return check_commit(request.commit)
    raise _no_commit(branch, repository, env)


def _no_commit(branch: str | None, repository: str, env: Mapping[str, str]) -> StepFailed:
    """Why the claim could not tell the commit. Raises StepFailed when the source is away still."""
    if branch is None:
        return StepFailed(FailureCode.COMMIT_NOT_FOUND, "the job names neither branch nor commit")
    if resolve_branch(repository, branch, env) is None:
        return StepFailed(
            FailureCode.COMMIT_NOT_FOUND,
            f"there is no branch {branch} in {public_url(repository)}",
        )
    # What is built must be what was claimed, so a commit that is seen only now is not taken.
    return StepFailed(
        FailureCode.SOURCE_UNREACHABLE,
        f"{public_url(repository)} could not be asked for branch {branch} when the job was claimed",
        retryable=True,
    )


def _populate(mirror: Mirror, git: Git, source: Path, commit: str) -> None:
    with mirror.locked():
        mirror.fetch(commit)
        failed = _make_tree(git, mirror.path, source, commit)
        if failed and mirror.renew_if_damaged():
            mirror.fetch(commit)
            discard(source, source.with_name("discarded"))
            failed = _make_tree(git, mirror.path, source, commit)
    if failed:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"commit {commit} can't be checked out from the mirror {mirror.path}",
            excerpt=excerpt(failed.lines),
        )


def _make_tree(git: Git, mirror: Path, source: Path, commit: str) -> GitRun | None:
    """Clone and check out; gives the command that failed.

    Not a git worktree: JGit, which CloudStack's build uses, can't read one.
    """
    cloned = git.run(
        *("clone", "--shared", "--no-checkout", "--template=", "--config", "core.autocrlf=false"),
        *("--end-of-options", str(mirror), str(source)),
        cwd=source.parent,
    )
    if cloned.code:
        return cloned
    if (mirror / "shallow").exists():
        # a clone of a shallow repository shares nothing, and gets what branches and tags name
        fetched = git.run(
            *("fetch", "--progress", "--end-of-options", str(mirror), f"refs/built/{commit}"),
            cwd=source,
        )
        if fetched.code:
            return fetched
    checked_out = git.run("checkout", "--detach", "--progress", commit, "--", cwd=source)
    return checked_out if checked_out.code else None


def _set_origin(git: Git, source: Path, url: str) -> None:
    """The true origin: submodules may be named relative to it, and build tools record it."""
    done = git.run("remote", "set-url", "--", "origin", url, cwd=source)
    if done.code:
        raise _failed("the origin of the source tree can't be set", done)


def _update_submodules(git: Git, source: Path) -> None:
    done = git.run("submodule", "update", "--init", "--recursive", "--progress", cwd=source)
    if done.code == 0:
        return
    message = "the submodules can't be checked out"
    if says_not_there(done.lines):
        raise _failed(f"{message}: a commit is missing", done, FailureCode.COMMIT_NOT_FOUND)
    if says_unreachable(done.lines):
        raise _failed(message, done, FailureCode.SOURCE_UNREACHABLE, retryable=True)
    raise _failed(message, done)


def _fetch_large_files(git: Git, source: Path) -> None:
    """Put the files that Git LFS keeps in place of their pointers."""
    installed = git.run("lfs", "install", "--local", "--skip-repo", cwd=source)
    if installed.code:
        raise _failed("git-lfs is not installed here", installed, FailureCode.TOOL_MISSING)
    done = git.run("lfs", "pull", cwd=source)
    if done.code:
        raise _failed(
            "the files of Git LFS can't be fetched",
            done,
            FailureCode.SOURCE_UNREACHABLE,
            retryable=True,
        )


def _verified(source: Path, env: Mapping[str, str], commit: str) -> _Tree:
    found = _read_tree(source, env)
    if found.commit != commit:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"the source tree is at {found.commit} instead of {commit}",
        )
    if found.changes:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"the fresh source tree differs from commit {commit} in {len(found.changes)} files",
            excerpt="\n".join(found.changes[:_SHOWN_CHANGES]),
        )
    return found


def _read_tree(source: Path, env: Mapping[str, str]) -> _Tree:
    # Not at the top: it costs a third of a second that `doit list` would pay too.
    from git import GitCommandError, Repo  # noqa: PLC0415

    try:
        with Repo(source) as repository:
            repository.git.update_environment(**env)
            shown = repository.git.show("-s", "--no-show-signature", "--format=%H %T %cI", "HEAD")
            changes = repository.git.status("--porcelain", "--untracked-files=all")
    except GitCommandError as error:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"git can't read the source tree {source}",
            excerpt=excerpt(str(error.stderr).splitlines()),
        ) from error
    commit, tree, time = shown.split()
    return _Tree(commit, tree, _utc(time), tuple(changes.splitlines()))


def _utc(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _of(branch: str | None) -> str:
    return f" of {branch}" if branch else ""


def _failed(
    message: str,
    run: GitRun,
    code: FailureCode = FailureCode.CHECKOUT_FAILED,
    *,
    retryable: bool = False,
) -> StepFailed:
    return StepFailed(code, message, excerpt=excerpt(run.lines), retryable=retryable)
