"""What a shell evaluates so that its Tab key completes a line by asking `doit completion`."""

from __future__ import annotations

BASH = """\
_doit_complete() {
    local word=${COMP_WORDS[COMP_CWORD]} found
    COMPREPLY=()
    # not compgen -W, which expands the words: a job id could be a command
    while IFS= read -r found; do
        [[ $found == "$word"* ]] && COMPREPLY+=("$found")
    done < <(doit completion --line "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -o default -F _doit_complete doit
"""
ZSH = """\
_doit_complete() {
    local -a found
    found=("${(@f)$(doit completion --line "$LBUFFER" 2>/dev/null)}")
    compadd -a found
}
compdef _doit_complete doit
"""
FISH = """\
function _doit_complete
    set --local line (commandline --cut-at-cursor --current-process | string collect)
    doit completion --line "$line" 2>/dev/null
end
complete --command doit --no-files --arguments '(_doit_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
"""By shell."""


def words_of(line: str) -> tuple[list[str], str]:
    """The whole words of a line after the name of the program, and the begun word ("")."""
    words = line.split(" ")
    return [word for word in words[1:-1] if word], words[-1] if len(words) > 1 else ""
