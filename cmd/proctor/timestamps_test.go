package main

import (
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/signing/localtsa"
)

// tsa VAR NAME runs a timestamp authority for the rest of the script, at $VAR; its
// certificates are in NAME.pem.
func cmdTSA(ts *testscript.TestScript, neg bool, args []string) {
	a, err := localtsa.New(localtsa.Config{Name: args[1]})
	ts.Check(err)
	server := httptest.NewServer(a.Handler(time.Now))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".pem"), a.Chain(), 0o644))
}

// Whatever is logged can be dated.
func TestLoggingVerbsTakeTSA(t *testing.T) {
	logging := 0
	var walk func(name string, list []*cli.Command)
	walk = func(name string, list []*cli.Command) {
		for _, c := range list {
			flags := map[string]bool{}
			for _, f := range c.Flags {
				flags[f.Names()[0]] = true
			}
			if flags["ledger"] && flags["dry-run"] && c.Name != "restore" {
				logging++
				if !flags["tsa"] {
					t.Errorf("%s %s takes --ledger and not --tsa", name, c.Name)
				}
			}
			walk(name+" "+c.Name, c.Subcommands)
		}
	}
	walk("proctor", (&env{}).app().Commands)
	if logging < 9 {
		t.Errorf("%d verbs log something, want 9 or more", logging)
	}
}
