"""`minikubelet completion`: a script that completes commands, options, types and names in a shell.

Role: the script for bash, zsh or fish on standard output. The scripts ask `minikubelet __complete
WORD…` at each place; what can stand there is decided in `completing.py`. Names of objects come from
the daemon; without one there are none.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from minikubelet.cli.api_options import UsageError, find_resource, resource_path
from minikubelet.cli.client import Client, CommandError
from minikubelet.cli.completing import complete
from minikubelet.cli.kubeconfig_file import KubeconfigError, find_cluster
from minikubelet.manifest.json_tree import Json

_PATIENCE_SECONDS = 3.0

_EPILOG = """\
examples:
  source <(minikubelet completion bash)            in ~/.bashrc
  source <(minikubelet completion zsh)             in ~/.zshrc, after compinit
  minikubelet completion fish | source             in ~/.config/fish/config.fish"""

_BASH = """\
_minikubelet() {
  local word=${COMP_WORDS[COMP_CWORD]} line IFS=$'\\n'
  COMPREPLY=()
  for line in $(minikubelet __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
    case $line in
      :files)
        [ ${#COMPREPLY[@]} -eq 0 ] && compopt -o filenames 2>/dev/null
        COMPREPLY+=($(compgen -f -- "$word")) ;;
      "$word"*) COMPREPLY+=("${line%%$'\\t'*}") ;;
    esac
  done
  case ${COMPREPLY[0]-} in *[:=]) compopt -o nospace 2>/dev/null ;; esac
  return 0
}
complete -F _minikubelet minikubelet
"""

_ZSH = """\
_minikubelet() {
  local line
  local -a plain unfinished
  for line in "${(@f)$(minikubelet __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) _files ;;
      *[:=]) unfinished+=("$line") ;;
      *) plain+=("${line%%$'\\t'*}") ;;
    esac
  done
  compadd -a plain
  compadd -S '' -a unfinished
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _minikubelet minikubelet
"""

_FISH = """\
function __minikubelet_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    test (count $word) -gt 0; or set word ''
    for line in (minikubelet __complete $before[2..-1] $word 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path $word
            case '*'
                echo $line
        end
    end
end
complete -c minikubelet -f -a '(__minikubelet_complete)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "completion",
        help="a script that completes commands in your shell",
        description="Print a script that completes commands, options, types and names.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=tuple(_SCRIPTS), metavar="bash|zsh|fish")


def run(args: argparse.Namespace) -> int:
    sys.stdout.write(_SCRIPTS[args.shell])
    return 0


def answer(
    words: Sequence[str],
    commands: Mapping[str, str],
    parser_of: Callable[[str], argparse.ArgumentParser],
) -> int:
    """What the scripts ask for."""
    for line in complete(words, commands, parser_of, _objects):
        print(line)
    return 0


def _objects(kind: str, options: Mapping[str, str]) -> Sequence[Json]:
    try:
        resource = find_resource(kind)
        cluster = find_cluster(options.get("kubeconfig"), os.environ)
    except (UsageError, CommandError, KubeconfigError):
        return ()
    client = Client(cluster, _PATIENCE_SECONDS)
    try:
        namespace = options.get("namespace") or cluster.namespace
        found: Sequence[Json] = client.get(resource_path(resource, namespace)).get("items") or ()
    except CommandError:
        return ()
    finally:
        client.close()
    return found
