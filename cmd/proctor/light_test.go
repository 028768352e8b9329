package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proctor-attest/proctor/attest"
)

// What is kept of a long ledger counts as the whole of it does.
func TestLightCountsAlike(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	run := func(id byte, deadline string) *attest.Statement {
		return &attest.Statement{ID: attest.Hash{id}, Predicate: &attest.Registration{
			Header: attest.Header{Issuer: "https://evaluator.example", Seq: uint64(id)}, Lab: "https://lab.example", Evaluator: "https://evaluator.example",
			ModelName: "m", TestsetName: "sums", Testset: attest.TestsetRef{SetID: attest.Hash{9}}, Deadline: deadline}}
	}
	result := func(id, of byte, outcome *attest.Outcome) *attest.Statement {
		return &attest.Statement{ID: attest.Hash{id}, Predicate: &attest.Result{
			Header: attest.Header{Issuer: "https://evaluator.example", Seq: uint64(id)}, RunID: attest.Hash{of}, Outcome: outcome}}
	}
	var whole, kept []ledgerEntry
	for i, s := range []*attest.Statement{
		run(1, "2026-01-01T00:00:00Z"), run(2, "2026-01-01T00:00:00Z"), run(3, "2027-01-01T00:00:00Z"), run(4, "2026-01-01T00:00:00Z"),
		result(5, 1, &attest.Outcome{Score: "1/2"}), result(6, 2, nil), result(7, 4, &attest.Outcome{}),
		{ID: attest.Hash{8}, Predicate: &attest.Retraction{Header: attest.Header{Issuer: "https://evaluator.example"}, Target: attest.Hash{7}}},
	} {
		whole = append(whole, ledgerEntry{index: uint64(i), entry: &attest.Entry{Statement: s}})
		kept = append(kept, ledgerEntry{index: uint64(i), entry: light(s)})
	}
	want := []tally{{Set: "sums", SetID: attest.Hash{9}.String(), Lab: "https://lab.example", Registered: 4, Reported: 1, Abandoned: 1, Open: 1, Overdue: 1, Undisclosed: 3}}
	if diff := cmp.Diff(want, count(whole, now)); diff != "" {
		t.Errorf("counting the whole: %s", diff)
	}
	if diff := cmp.Diff(want, count(kept, now)); diff != "" {
		t.Errorf("counting what is kept: %s", diff)
	}
	if light(&attest.Statement{Predicate: new(attest.Claim)}) != nil {
		t.Error("claims are kept")
	}
}
