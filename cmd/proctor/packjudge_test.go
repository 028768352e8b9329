package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/proctor-attest/proctor/verify"
)

func newPackJudge(t *testing.T) *packJudge {
	t.Helper()
	a, err := txtar.ParseFile("../../verify/testdata/forgeries/score.txtar")
	if err != nil {
		t.Fatal(err)
	}
	text := a.Files[slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "policy.toml" })].Data
	policy, err := verify.ParsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	return &packJudge{verifier: verify.New(policy), policy: policy, opts: verify.Options{At: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}}
}

func TestPackJudgeKeepsOrder(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	dir := t.TempDir()
	var names, got []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("%s/%d.proctor", dir, i))
	}
	names[150] = dir // which holds nothing, and is judged alone
	j := newPackJudge(t)
	for one := range j.all(t.Context(), names) {
		got = append(got, one.name)
		if (one.err == nil) != (one.name == dir) {
			t.Errorf("%s: %v", one.name, one.err)
		}
	}
	if !slices.Equal(got, names) {
		t.Errorf("judged %q, want %q", got, names)
	}
}

// What is interrupted ends, and yields no verdict that nobody reached.
func TestPackJudgeStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	n := 0
	for one := range newPackJudge(t).all(ctx, slices.Repeat([]string{t.TempDir()}, 1000)) {
		if one.err == nil && one.verdict == nil {
			t.Error("neither a verdict nor an error")
		}
		if n++; n == 10 {
			stop()
		}
	}
	if n > 10+runtime.GOMAXPROCS(0) {
		t.Errorf("%d were judged, and it was stopped after ten", n)
	}
}
