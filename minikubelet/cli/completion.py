"""`minikubelet completion`: a script that completes commands, types and names in a shell.

Role: the script for bash, zsh or fish on standard output. Names of objects come from the daemon
while completing; without one there are none.
"""

from __future__ import annotations

import argparse
import sys

from minikubelet.store.kinds import RESOURCES, Serving

_EPILOG = """\
examples:
  source <(minikubelet completion bash)            in ~/.bashrc
  source <(minikubelet completion zsh)             in ~/.zshrc, after compinit
  minikubelet completion fish | source             in ~/.config/fish/config.fish"""

_BASH = """\
_minikubelet() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "@COMMANDS@" -- "$word"))
    return
  fi
  local words=
  case $command in
    get|describe|delete)
      if [ "$COMP_CWORD" -eq 2 ]; then
        words="@TYPES@"
      else
        words=$(_minikubelet_names "${COMP_WORDS[2]}")
      fi ;;
    logs|why|exec|attach|port-forward) words=$(_minikubelet_names pods) ;;
    probe) COMPREPLY=($(compgen -f -W "$(_minikubelet_names pods)" -- "$word")); return ;;
    cp) COMPREPLY=($(compgen -f -W "$(_minikubelet_names pods | sed 's/$/:/')" -- "$word"))
      return ;;
    top) if [ "$COMP_CWORD" -eq 2 ]; then words="pod node"
      else words=$(_minikubelet_names "${COMP_WORDS[2]}"); fi ;;
    completion) words="bash zsh fish" ;;
    *) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
_minikubelet_names() {
  case $1 in */*|-*) return ;; esac
  minikubelet get "$1" -o name 2>/dev/null | cut -d / -f 2
}
complete -o bashdefault -F _minikubelet minikubelet
"""

_ZSH = """\
autoload -Uz bashcompinit && bashcompinit
"""

_FISH = """\
function __minikubelet_names
    minikubelet get $argv[1] -o name 2>/dev/null | string replace -r '.*/' ''
end
function __minikubelet_type
    set -l words (commandline -opc)
    test (count $words) -ge 3; and echo $words[3]
end
complete -c minikubelet -n __fish_use_subcommand -f -a '@COMMANDS@'
set -l typed '__fish_seen_subcommand_from get describe delete'
complete -c minikubelet -n "$typed; and not test (count (commandline -opc)) -ge 3" \
-f -a '@TYPES@'
complete -c minikubelet -n "$typed; and test (count (commandline -opc)) -ge 3" \
-f -a '(__minikubelet_names (__minikubelet_type))'
complete -c minikubelet -n '__fish_seen_subcommand_from logs why exec attach port-forward' \
-f -a '(__minikubelet_names pods)'
complete -c minikubelet -n '__fish_seen_subcommand_from probe' -a '(__minikubelet_names pods)'
complete -c minikubelet -n '__fish_seen_subcommand_from cp' -a '(__minikubelet_names pods):'
complete -c minikubelet -n '__fish_seen_subcommand_from top' -f -a 'pod node'
complete -c minikubelet -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH + _BASH, "fish": _FISH}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "completion",
        help="a script that completes commands in your shell",
        description="Print a script that completes commands, types and names.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=tuple(_SCRIPTS), metavar="bash|zsh|fish")


def run(args: argparse.Namespace) -> int:
    sys.stdout.write(script(args.shell))
    return 0


def script(shell: str) -> str:
    """The script for a shell."""
    from minikubelet.cli.main import COMMANDS  # it has been imported, and knows them all

    types = [r.plural for r in RESOURCES if r.serving is Serving.STORED and "list" in r.verbs]
    text = _SCRIPTS[shell].replace("@COMMANDS@", " ".join(COMMANDS))
    return text.replace("@TYPES@", " ".join(dict.fromkeys(types)))
