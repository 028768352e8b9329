package main

import (
	"net/http/httptest"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

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
