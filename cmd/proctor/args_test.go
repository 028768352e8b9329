package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// verbs lists every command that does something, with the words that lead to it.
func verbs(commands []*cli.Command, path []string) map[string]*cli.Command {
	all := map[string]*cli.Command{}
	for _, c := range commands {
		words := append(slices.Clone(path), c.Name)
		if len(c.Subcommands) == 0 {
			all[strings.Join(words, " ")] = c
		}
		for name, sub := range verbs(c.Subcommands, words) {
			all[name] = sub
		}
	}
	return all
}

func testEnv() *env {
	return &env{ctx: nil, stdin: strings.NewReader(""), stdout: new(bytes.Buffer), stderr: new(bytes.Buffer)}
}

// A flag counts wherever it stands, for every flag of every verb. cli alone takes
// what follows the first argument for an argument, without a word.
func TestFlagsAfterArguments(t *testing.T) {
	e := testEnv()
	all := verbs(e.app().Commands, nil)
	if len(all) < 20 {
		t.Fatalf("got %d verbs, want all", len(all))
	}
	for name := range all {
		for i, f := range all[name].Flags {
			flag := f.Names()[0]
			value := map[bool]string{true: "true", false: "7"}[isBool(f)]
			if _, ok := f.(*cli.DurationFlag); ok {
				value = "7s"
			}
			app := e.app()
			var got, args string
			spy := verbs(app.Commands, nil)[name]
			spy.Action = func(c *cli.Context) error {
				got, args = spied(c, spy.Flags[i]), strings.Join(c.Args().Slice(), " ")
				return nil
			}
			line := append([]string{"proctor"}, strings.Fields(name)...)
			line = append(line, "first", "--"+flag)
			if !isBool(f) {
				line = append(line, value)
			}
			line = append(line, "second", "--", "--third")
			ordered, err := reorder(app, line)
			if err != nil {
				t.Fatal(err)
			}
			if err := app.Run(ordered); err != nil {
				t.Errorf("%v: %v", line, err)
			}
			if got != value || args != "first second --third" {
				t.Errorf("%v: --%s = %q with arguments %q, want %q with the arguments first, second and --third", line, flag, got, args, value)
			}
		}
	}
}

func isBool(f cli.Flag) bool {
	_, ok := f.(*cli.BoolFlag)
	return ok
}

func spied(c *cli.Context, f cli.Flag) string {
	name := f.Names()[0]
	switch f.(type) {
	case *cli.StringSliceFlag:
		return strings.Join(c.StringSlice(name), ",")
	case *cli.DurationFlag:
		return c.Duration(name).String()
	case *cli.BoolFlag:
		return map[bool]string{true: "true", false: "false"}[c.Bool(name)]
	case *cli.UintFlag:
		return strings.TrimSpace(strings.Repeat("7", map[bool]int{true: 1}[c.Uint(name) == 7]))
	}
	return c.String(name)
}

// What is no flag of a verb is refused wherever it stands.
func TestUnknownFlags(t *testing.T) {
	for name := range verbs(testEnv().app().Commands, nil) {
		for _, words := range [][]string{{"--no-such-flag"}, {"argument", "--no-such-flag"}} {
			e := testEnv()
			e.ctx = t.Context()
			line := append(append([]string{"proctor"}, strings.Fields(name)...), words...)
			if code := e.run(line); code != exitUsage {
				t.Errorf("%v: exit code %d, want %d", line, code, exitUsage)
			}
		}
	}
}

// No verb is without a test: each is run by a script.
func TestEveryVerbHasAScript(t *testing.T) {
	text := scripts(t)
	for name := range verbs(testEnv().app().Commands, nil) {
		if !strings.Contains(text, "proctor "+name) {
			t.Errorf("no script runs proctor %s", name)
		}
	}
}
