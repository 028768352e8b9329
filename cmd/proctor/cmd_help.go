package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/schemas"
)

//go:embed help/*.md
var helpPages embed.FS

func (e *env) cmdHelp() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "show a command's flags or a page",
		ArgsUsage: "[COMMAND|TOPIC]",
		Action:    e.runHelp,
	}
}

func (e *env) runHelp(c *cli.Context) error {
	app := e.app()
	topic := c.Args().First()
	if topic == "" {
		if err := cli.ShowAppHelp(cli.NewContext(app, nil, nil)); err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "\ntopics: %s\n", strings.Join(topics(), ", "))
		return nil
	}
	if i := slices.IndexFunc(app.Commands, func(c *cli.Command) bool { return c.HasName(topic) }); i >= 0 {
		return e.help(append(c.Args().Slice(), "--help"))
	}
	if page := generated[topic]; page != nil {
		_, err := fmt.Fprint(e.stdout, page())
		return err
	}
	page, err := helpPages.ReadFile("help/" + topic + ".md")
	if errors.Is(err, fs.ErrNotExist) {
		page, err = schemas.Page(topic)
	}
	if err != nil {
		return withHint(usagef("there is no command or topic %q", topic), "topics: "+strings.Join(topics(), ", "))
	}
	_, err = e.stdout.Write(page)
	return err
}

func (e *env) help(args []string) error {
	if code := e.run(append([]string{"proctor"}, args...)); code != exitOK {
		return &verdictError{code}
	}
	return nil
}

// topics lists the pages: those of the program and those of the statements.
func topics() []string {
	names := slices.Collect(maps.Keys(generated))
	files, err := fs.ReadDir(helpPages, "help")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".md"))
	}
	names = append(names, schemas.Names()...)
	slices.Sort(names)
	return slices.Compact(names)
}

func (e *env) cmdCompletion() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a completion script",
		ArgsUsage: "bash|zsh|fish",
		Action:    e.runCompletion,
	}
}

// The shells ask the program itself, so that the scripts never lag behind it.
const (
	bashCompletion = `_proctor() {
  local words=("${COMP_WORDS[@]:0:$COMP_CWORD}")
  COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _proctor proctor
`
	zshCompletion = `#compdef proctor
_proctor() {
  local -a words_so_far completions
  words_so_far=("${(@)words[1,CURRENT-1]}")
  completions=("${(@f)$("${words_so_far[@]}" --generate-bash-completion 2>/dev/null)}")
  _describe proctor completions || _files
}
compdef _proctor proctor
`
)

func (e *env) runCompletion(c *cli.Context) error {
	shell, err := oneArg(c, "bash, zsh or fish")
	if err != nil {
		return err
	}
	var script string
	switch shell {
	case "bash":
		script = bashCompletion
	case "zsh":
		script = zshCompletion
	case "fish":
		if script, err = e.app().ToFishCompletion(); err != nil {
			return err
		}
	default:
		return usagef("shell %q: want bash, zsh or fish", shell)
	}
	_, err = fmt.Fprint(e.stdout, script)
	return err
}

func (e *env) cmdMan() *cli.Command {
	return &cli.Command{
		Name:  "man",
		Usage: "print the manual page, in roff",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			page, err := e.app().ToMan()
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(e.stdout, page)
			return err
		},
	}
}
