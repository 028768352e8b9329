package main

import (
	"unique"

	"github.com/proctor-attest/proctor/attest"
)

// reportedOutcome stands for that of any result: of a run it only counts that there is one.
var reportedOutcome = new(attest.Outcome)

// light is what of a statement its runs are counted by, or nil for what is not counted.
// Ledgers are long, and who follows one keeps all of these; names repeat.
func light(s *attest.Statement) *attest.Entry {
	one := func(s string) string { return unique.Make(s).Value() }
	head := attest.Header{Issuer: one(s.Head().Issuer), Seq: s.Head().Seq}
	l := &attest.Statement{ID: s.ID}
	switch p := s.Predicate.(type) {
	case *attest.Registration:
		l.Predicate = &attest.Registration{Header: head, Lab: one(p.Lab), Evaluator: one(p.Evaluator), Deadline: one(p.Deadline),
			Testset: attest.TestsetRef{SetID: p.Testset.SetID}, TestsetName: one(p.TestsetName)}
	case *attest.Result:
		r := &attest.Result{Header: head, RunID: p.RunID}
		if p.Outcome != nil {
			r.Outcome = reportedOutcome
		}
		l.Predicate = r
	case *attest.Retraction:
		l.Predicate = &attest.Retraction{Header: head, Target: p.Target}
	default:
		return nil
	}
	return &attest.Entry{Statement: l}
}
