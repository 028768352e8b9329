package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/proctor-attest/proctor/attest/hub/hubtest"
)

// hub DIR serves a model as the Hugging Face Hub does, for the rest of the script, at
// $HF_ENDPOINT under the name lab/tiny. hub DIR FILE writes its listing instead.
func cmdHub(ts *testscript.TestScript, neg bool, args []string) {
	fsys := os.DirFS(ts.MkAbs(args[0]))
	if len(args) > 1 {
		data, err := hubtest.Listing(fsys)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o644))
		return
	}
	h, err := hubtest.New(fsys)
	ts.Check(err)
	ts.Defer(h.Close)
	ts.Setenv("HF_ENDPOINT", h.URL)
}
