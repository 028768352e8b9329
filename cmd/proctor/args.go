package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// reorder moves flags in front of arguments. urfave/cli v2 takes every flag after
// the first argument for an argument and says nothing (its issue 1177): "proctor
// verify PACK --policy mine.toml" would be verified under another policy.
func reorder(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 {
		return args, nil
	}
	out := []string{args[0]}
	flags, commands := app.Flags, app.Commands
	rest := args[1:]
	for len(rest) > 0 {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(rest[0]) })
		if i < 0 {
			break
		}
		out = append(out, rest[0])
		flags, commands, rest = commands[i].Flags, commands[i].Subcommands, rest[1:]
	}
	var front, positional []string
	for len(rest) > 0 {
		word := rest[0]
		rest = rest[1:]
		switch {
		case word == "--":
			positional = append(positional, rest...)
			rest = nil
		case len(word) > 1 && word[0] == '-':
			front = append(front, word)
			if takesValue(flags, word) {
				if len(rest) == 0 {
					return nil, usagef("flag %s needs a value", word)
				}
				front = append(front, rest[0])
				rest = rest[1:]
			}
		default:
			positional = append(positional, word)
		}
	}
	out = append(out, front...)
	if len(positional) > 0 && len(commands) == 0 {
		// Whatever follows is an argument, even where it looks like a flag.
		out = append(out, "--")
	}
	return append(out, positional...), nil
}

// need refuses a command line without these flags.
func need(c *cli.Context, flags ...string) error {
	for _, f := range flags {
		if !c.IsSet(f) || c.String(f) == "" && c.StringSlice(f) == nil {
			return usagef("%s needs --%s", c.Command.Name, f)
		}
	}
	return nil
}

// takesValue reports whether a flag's value is the next word.
func takesValue(flags []cli.Flag, word string) bool {
	name := strings.TrimLeft(word, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false // unknown, or help: cli reports it
}
