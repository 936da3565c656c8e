"""Scripts run by the real shells: whatever a value holds, it stays one word and is never run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines.domain.expressions import Reference
from pipelines.language.expressions.scripts import with_variables


def accept(reference: Reference) -> None:
    """Every name is known."""


HOSTILE = "a b  *; touch owned `touch owned` $(touch owned) '\" \\ \n#"


def output(tmp_path: Path, script: str, shell: str) -> str:
    text, variables = with_variables(script, shell, accept)
    env = {"PATH": "/usr/bin:/bin", **dict.fromkeys(variables, HOSTILE)}
    done = subprocess.run(
        [shell, "-eu", "-c", text],
        check=False,
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, (text, done.stderr)
    assert list(tmp_path.iterdir()) == []
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("printf '<%s>' ${{ params.x }}", f"<{HOSTILE}>"),
        ("printf '<%s>' v${{params.x}}w", f"<v{HOSTILE}w>"),
        ('printf "<%s>" "${{ params.x }}"', f"<{HOSTILE}>"),
        ('printf "<%s>" "v=${{ params.x }} w"', f"<v={HOSTILE} w>"),
        ('printf "<%s>" "$(printf "%s" ${{ params.x }})"', f"<{HOSTILE}>"),
        ('printf "<%s>" "${UNSET:-${{ params.x }}}"', f"<{HOSTILE}>"),
        ("printf '<%s>' \"it's ${{ params.x }}\"", f"<it's {HOSTILE}>"),
        ("printf '<%s>' \\'${{ params.x }}", f"<'{HOSTILE}>"),
        ("cat <<EOF\n<${{ params.x }}>\nEOF\nprintf %s ${{ params.x }}", f"<{HOSTILE}>\n{HOSTILE}"),
        ("cat <<-EOF\n\t<${{ params.x }}>\n\tEOF\n", f"<{HOSTILE}>\n"),
        ("# ${{ params.unclosed ' quote\nprintf '<%s>' ${{ params.x }}", f"<{HOSTILE}>"),
        ("(printf '<%s>' ${{ params.x }})", f"<{HOSTILE}>"),
    ],
)
def test_a_value_is_one_word(tmp_path: Path, shell: str, script: str, expected: str) -> None:
    assert output(tmp_path, script, shell) == expected


@pytest.mark.parametrize(
    "script",
    [
        "bash -c 'echo ${{ params.x }}'",
        "echo `echo ${{ params.x }}`",
        "echo $((1 + ${{ params.x }}))",
        "((x = ${{ params.x }}))",
        "cat <<'EOF'\n${{ params.x }}\nEOF",
        "cat <<\\EOF\n${{ params.x }}\nEOF",
    ],
)
def test_where_a_value_would_be_code_it_is_refused(script: str) -> None:
    with pytest.raises(ValueError, match=r"would run as code|expands nothing"):
        with_variables(script, "bash", accept)


def test_a_script_for_python_takes_no_references() -> None:
    with pytest.raises(ValueError, match="a Python script cannot contain"):
        with_variables("print('${{ params.x }}')", "python", accept)


def test_the_variables_are_those_that_scripts_have_anyway() -> None:
    script = "${{ job.commit }} ${{ params.a-b }} ${{ steps.m.outputs.version }} ${{ matrix.j }}"
    text, variables = with_variables(script, "sh", accept)
    assert text == '"${BUILD_COMMIT}" "${PARAM_A_B}" "${STEP_M_VERSION}" "${MATRIX_J}"'
    assert [str(name) for name in variables.values()] == [
        "job.commit",
        "params.a-b",
        "steps.m.outputs.version",
        "matrix.j",
    ]


def test_two_names_that_would_be_one_variable_are_refused() -> None:
    with pytest.raises(ValueError, match="would both become the variable STEP_A_B_C"):
        with_variables("${{ steps.a.outputs.b_c }}${{ steps.a-b.outputs.c }}", "sh", accept)
