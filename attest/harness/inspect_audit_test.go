package harness

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestInspectAudit(t *testing.T) {
	for name, file := range inspectFiles(t, inspectLog) {
		if !strings.HasSuffix(name, ".json") && !strings.HasSuffix(name, ".eval") {
			continue
		}
		in := importFS(t, fstest.MapFS{name: file})
		if len(in.Runs) != 1 {
			t.Fatalf("%s: %d runs, refused %v", name, len(in.Runs), in.Refused)
		}
		r := in.Runs[0]
		if r.Board != "lab/sums" || r.Entry != "openai/small-1" || r.Model.Revision != "main" || r.Version != "0.3.285" {
			t.Errorf("%s: %q of %q, model %+v, version %q", name, r.Entry, r.Board, r.Model, r.Version)
		}
		if want := (Dataset{Name: "sums", Version: "3", Items: 2}); r.Dataset != want {
			t.Errorf("%s: data set %+v, want %+v", name, r.Dataset, want)
		}
		measures := []string{"match", "match@pass_at_2", "match@pass_k_2", "match@at_least_2", "match@mode", "match@median", "match@max", "safe,judge", "kind,judge"}
		if diff := cmp.Diff(measures, r.Measures); diff != "" {
			t.Errorf("%s: measures (-want +got):\n%s", name, diff)
		}
		// Epochs are reduced: C and I, P and 1.
		want := [][]float64{{0.5, 1, 0, 0, 1, 0.5, 1, 1, 2.5}, {0.75, 1, 0, 0, 0.5, 0.75, 1, 0, 1.75}}
		for i, it := range r.Items.All() {
			if diff := cmp.Diff(want[i], it.Values, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
				t.Errorf("%s: values of %s (-want +got):\n%s", name, it.ID, diff)
			}
		}
		rules := map[string]Rule{}
		for _, g := range r.Aggregates {
			rules[g.Name] = g.Rule
		}
		if len(rules) != 11 || rules["accuracy,match"] != Mean || rules["stderr,match"] != StandardError || rules["accuracy@collect,match"] != Unknown {
			t.Errorf("%s: rules %v", name, rules)
		}
		if diff := cmp.Diff([]string{"missing-items: the log says that 2 of 20 items were run"}, notices(in)); diff != "" {
			t.Errorf("%s: notices (-want +got):\n%s", name, diff)
		}
	}
}

// A log may begin with what files of another harness have too.
func TestInspectBootstrap(t *testing.T) {
	log := `{"version": 2, "status": "success", "eval": {"task": "sums", "model": "m", "dataset": {"sample_ids": [1]}}, "results": {"total_samples": 1, "scores": [` +
		`{"name": "s", "scorer": "s", "metrics": {"bootstrap_stderr": {"name": "bootstrap_stderr", "value": 0.1}}}]}, "samples": []}`
	if r := importOne(t, map[string]string{"log.json": log}); r.Format != Inspect {
		t.Errorf("read as %s", r.Format)
	}
}

// What only the log can tell.
func TestInspectAuditNotices(t *testing.T) {
	for what, change := range map[string]struct{ old, new, want string }{
		"edit": {`"match": {"value": "C", "history": []}`, `"match": {"value": "C", "history": [{"value": "I"}, {"value": "C", "provenance": {"author": "me", "reason": "typo"}}]}`,
			`edited-scores: sample 7 epoch 1: score edited once, from "I" to "C", last by "me" ("typo") (scorer match)`},
		"history that ends elsewhere": {`"match": {"value": "C", "history": []}`, `"match": {"value": "C", "history": [{"value": "I"}]}`,
			`edited-scores: sample 7 epoch 1: is "C", but its history ends with "I" (scorer match)`},
		"retry":   {`"error_retries": []`, `"error_retries": [{"message": "x"}]`, "retried-failures: of 4 samples, 1 failed and ran again: sample 7 epoch 1"},
		"no word": {`"match": {"value": "P"}`, `"match": {"value": "maybe"}`, `sentinel-averaged: 1 scores are words that mean no grade and count as 0: "maybe"`},
		"NaN":     {`"kind": 2.5e0`, `"kind": NaN`, "missing-items: 1 samples have NaN of kind,judge, which stands for no score"},
		"status":  {`"success"`, `"cancelled"`, `missing-items: the status of the run is "cancelled"`},
		"invalid": {`"invalidated": false`, `"invalidated": true`, "missing-items: the log says that samples of it are invalid"},
	} {
		text := strings.Replace(inspectLog, change.old, change.new, 1)
		got := notices(importAll(t, map[string]string{"a.json": text}))
		got = got[1:] // that 2 of 20 items were run
		if len(got) == 0 || got[0] != change.want {
			t.Errorf("%s: %q, want %q", what, got, change.want)
		}
	}
}

// A log without samples has the reduced values all the same.
func TestInspectAuditReductions(t *testing.T) {
	log := `{"version": 2, "status": "success", "eval": {"task": "t", "model": "m", "dataset": {"name": "d"}},
"results": {"total_samples": 2, "completed_samples": 2, "scores": [{"name": "match", "scorer": "match", "metrics": {"accuracy": {"name": "accuracy", "value": 0.5}}}]},
"reductions": [{"scorer": "match", "samples": [{"sample_id": 1, "value": 1.0}, {"sample_id": 2, "value": 0}]}]}`
	r := importAll(t, map[string]string{"a.json": log}).Runs[0]
	if r.Items.Len() != 2 || r.Items.At(0).Values[0] != 1 || r.Items.At(1).Values[0] != 0 || r.Metrics[0].Steps != 1 {
		t.Errorf("%d items, metrics %+v", r.Items.Len(), r.Metrics)
	}
}

func TestInspectAuditRefuses(t *testing.T) {
	for what, change := range map[string]struct{ old, new, want string }{
		"version": {`"version": 2`, `"version": 9`, "version is 9, want 2 or 3"},
		"task":    {`"task": "lab/sums"`, `"task": ""`, "eval.task is missing"},
		"sample":  {`"epoch": 1`, `"epoch": 0`, "a.json:samples[0]: sample 7: epoch is 0, want a number from 1"},
	} {
		in := importAll(t, map[string]string{"a.json": strings.Replace(inspectLog, change.old, change.new, 1)})
		if len(in.Refused) != 1 || in.Refused[0].Reason != change.want {
			t.Errorf("%s: %+v, want %q", what, in.Refused, change.want)
		}
	}
}

// Whatever is in the file, importing ends with an answer.
func FuzzInspectAudit(f *testing.F) {
	f.Add([]byte(inspectLog))
	f.Add(inParts(f, inspectLog, 8))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := importFS(t, fstest.MapFS{"a.json": {Data: data}, "b.eval": {Data: data}})
		if len(in.Runs)+len(in.Refused)+len(in.Unrecognised) < 2 {
			t.Error("the files are not accounted for")
		}
	})
}

// An epoch of an item that was taken out leaves the item, and is missed all the same.
func TestInspectMissingEpoch(t *testing.T) {
	at := strings.Index(inspectLog, ` {"id": "b c", "epoch": 2`)
	cut := strings.TrimRight(inspectLog[:at], " \n,") + inspectLog[at+strings.IndexByte(inspectLog[at:], ']'):]
	in := importFS(t, fstest.MapFS{"log.json": {Data: []byte(cut)}})
	if len(in.Runs) != 1 {
		t.Fatalf("%d runs, refused %v", len(in.Runs), in.Refused)
	}
	want := "missing-items: the log says that 4 samples were run, of 2 epochs, and 3 are in it"
	if got := notices(in); len(got) != 2 || got[1] != want {
		t.Errorf("notices %q, want %q among them", got, want)
	}
}
