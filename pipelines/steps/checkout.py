"""`git-checkout`: a clean tree at exactly the job's commit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.domain.pipeline import BuildRequest, Options, StepContext, StepResult
from pipelines.domain.validation import check_branch, check_commit
from pipelines.git.differing_files import differing_files, missing_files
from pipelines.git.head_commit import HeadCommit, read_head_commit
from pipelines.git.mirror import Git, GitRun, Mirror, mirror_path, refresh
from pipelines.git.own_git_dir import keep_configuration
from pipelines.git.remote import (
    check_repository,
    excerpt,
    git_environment,
    is_final,
    public_url,
    remedy,
    resolve_branch,
    says_not_there,
    says_unreachable,
)
from pipelines.git.tags import tags_of
from pipelines.workspace.host_lock import host_lock
from pipelines.workspace.removal import discard

_SHOWN_CHANGES = 10


class CheckoutOptions(Options):
    """No options: the pipeline's `source` has repository and submodules."""


class GitCheckout:
    """Makes a new source tree each time it runs; the commit comes from the builder's mirror."""

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

        The branch too, because it is one of the step's values; and the tags, from which scripts
        make versions.
        """
        url = public_url(context.source.repository)
        commit = context.request.commit or ""
        mirror = mirror_path(context.workspace.mirrors, url)
        return {
            "branch": context.request.branch or "none",
            "commit": commit or "none",
            "repository": url,
            "submodules": str(context.source.submodules).lower(),
            **({"lfs": "true"} if context.source.lfs else {}),
            **(tags_of(commit, mirror, context.env) if commit else {}),
        }

    def refresh(self, options: CheckoutOptions, context: StepContext) -> None:  # noqa: ARG002
        """Update branches and tags of the mirror to those of the source."""
        url = public_url(context.source.repository)
        mirror = mirror_path(context.workspace.mirrors, url)
        if mirror.is_dir():
            with host_lock(mirror.with_suffix(".lock"), context.commands.check_cancelled):
                refresh(mirror, url, git_environment(context.source.repository, context.env))

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
        mirror = Mirror(context.workspace.mirrors, url, git)
        is_fresh = _populate(mirror, git, source, commit)
        _set_origin(git, source, url, is_fresh=is_fresh)
        if context.source.submodules:
            _update_submodules(git, source)
        if context.source.lfs:
            _fetch_large_files(git, source)
        keep_configuration(source)
        tree = _verified(source, env, commit, submodules=context.source.submodules)
        as_of = "" if is_fresh else "; the source did not answer: using the tags already known"
        return StepResult(
            reason=f"checked out {commit[:12]}{_of(context.request.branch)}{as_of}",
            outputs=(source / ".git" / "HEAD",),
            digest=_digest(commit, tags_of(commit, mirror.path, env)),
            values={
                "commit": tree.sha,
                "tree": tree.tree,
                "commit_time": tree.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
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
    """Why the claim could not resolve the commit. Raises StepFailed if the source still fails."""
    if branch is None:
        return StepFailed(FailureCode.COMMIT_NOT_FOUND, "the job names neither branch nor commit")
    if resolve_branch(repository, branch, env) is None:
        return StepFailed(
            FailureCode.COMMIT_NOT_FOUND,
            f"unknown branch {branch} in {public_url(repository)}",
        )
    # The build must use the claimed commit, so a commit that is seen only now is not used.
    return StepFailed(
        FailureCode.SOURCE_UNREACHABLE,
        f"{public_url(repository)} was unreachable for branch {branch} when the job was claimed",
        retryable=True,
    )


def _digest(commit: str, tags: Mapping[str, str]) -> str:
    """Digest of everything that steps can see of the tree: the commit and its tags."""
    return hashlib.sha256(f"{commit} {tags.get('tags', '')}".encode()).hexdigest()


def _populate(mirror: Mirror, git: Git, source: Path, commit: str) -> bool:
    """Make the tree; returns whether its branches and tags are those of the source now."""
    with mirror.locked():
        mirror.fetch(commit)
        is_fresh = mirror.refresh()
        failed = _make_tree(git, mirror.path, source, commit)
        if failed and mirror.renew_if_damaged():
            mirror.fetch(commit)
            discard(source, source.with_name("discarded"))
            failed = _make_tree(git, mirror.path, source, commit)
    if failed:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"cannot check out commit {commit} from the mirror {mirror.path}",
            excerpt=excerpt(failed.lines),
        )
    return is_fresh


def _make_tree(git: Git, mirror: Path, source: Path, commit: str) -> GitRun | None:
    """Clone and check out; returns the failed command.

    Not a git worktree: JGit, which CloudStack's build uses, cannot read one.
    """
    cloned = git.run(
        *("clone", "--shared", "--no-checkout", "--template=", "--config", "core.autocrlf=false"),
        *("--end-of-options", str(mirror), str(source)),
        cwd=source.parent,
    )
    if cloned.code:
        return cloned
    if (mirror / "shallow").exists():
        # a clone of a shallow repository shares nothing, and gets the commits of branches and tags
        fetched = git.run(
            *("fetch", "--progress", "--end-of-options", str(mirror), f"refs/built/{commit}"),
            cwd=source,
        )
        if fetched.code:
            return fetched
    arguments = ("-c", "checkout.workers=0", "checkout", "--detach", "--progress")
    checked_out = git.run(*arguments, commit, "--", cwd=source)
    # git 2.39 ends with 0 although one of its workers could not read the object of a file
    is_whole = checked_out.code == 0 and not missing_files(source, git.env)
    return None if is_whole else checked_out


def _set_origin(git: Git, source: Path, url: str, *, is_fresh: bool) -> None:
    """The true origin: submodules may be named relative to it, and build tools record it.

    Branches of the source that may have moved since are left out.
    """
    commands = (
        [("set-url", "--", "origin", url)]
        if is_fresh
        else [("remove", "--", "origin"), ("add", "--", "origin", url)]
    )
    for arguments in commands:
        done = git.run("remote", *arguments, cwd=source)
        if done.code:
            raise _failed("cannot set the origin of the source tree", done)


def _update_submodules(git: Git, source: Path) -> None:
    done = git.run("submodule", "update", "--init", "--recursive", "--progress", cwd=source)
    if done.code == 0:
        return
    message = "cannot check out the submodules"
    if says_not_there(done.lines):
        raise _failed(f"{message}: a commit is missing", done, FailureCode.COMMIT_NOT_FOUND)
    if says_unreachable(done.lines):
        final = is_final(done.lines)
        why = f"{message}{remedy(done.lines)}"
        raise _failed(why, done, FailureCode.SOURCE_UNREACHABLE, retryable=not final)
    raise _failed(message, done)


def _fetch_large_files(git: Git, source: Path) -> None:
    """Replace pointers by the files that Git LFS stores."""
    installed = git.run("lfs", "install", "--local", "--skip-repo", cwd=source)
    if installed.code:
        raise _failed("git-lfs is not installed", installed, FailureCode.TOOL_MISSING)
    done = git.run("lfs", "pull", cwd=source)
    if done.code:
        raise _failed(
            "cannot fetch the files of Git LFS",
            done,
            FailureCode.SOURCE_UNREACHABLE,
            retryable=not is_final(done.lines),
        )


def _verified(source: Path, env: Mapping[str, str], commit: str, *, submodules: bool) -> HeadCommit:
    found = read_head_commit(source, env)
    if found.sha != commit:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"the source tree is at {found.sha} instead of {commit}",
        )
    changes = differing_files(source, env, submodules=submodules)
    if changes:
        raise StepFailed(
            FailureCode.CHECKOUT_FAILED,
            f"the new source tree differs from commit {commit} in {len(changes)} files",
            excerpt="\n".join(changes[:_SHOWN_CHANGES]),
        )
    return found


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
