package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/attest"
)

// numbered makes unsigned statements of one issuer, by number; a name makes others.
func numbered(t *testing.T, n int, name string) []*attest.Entry {
	t.Helper()
	var list []*attest.Entry
	var prev attest.Hash
	for i := range n {
		st, err := attest.NewStatement(&attest.Retraction{
			Header: attest.Header{Issuer: "https://lab.example", Seq: uint64(i), Prev: prev, Refs: []attest.Ref{{Role: attest.RoleTarget, ID: attest.Hash{1}}}},
			Target: attest.Hash{1}, Reason: name,
		})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, &attest.Entry{Statement: st})
		prev = st.ID
	}
	return list
}

func TestReconcile(t *testing.T) {
	mine, others := numbered(t, 4, "mine"), numbered(t, 4, "others")
	in := func(entries ...*attest.Entry) map[uint64]*logEntry {
		found := map[uint64]*logEntry{}
		for _, e := range entries {
			found[e.Statement.Head().Seq] = &logEntry{Entry: e, in: &copyOf{dir: "copy"}}
		}
		return found
	}
	for _, tc := range []struct {
		name           string
		chain, pending []*attest.Entry
		found          map[uint64]*logEntry
		want           string // of the error, or of what is printed with it
	}{
		{"nothing", nil, nil, nil, ""},
		{"what is known", mine[:3], nil, in(mine[:3]...), ""},
		{"less than is known", mine[:3], mine[3:], in(mine[1]), ""},
		{"another statement with a known number", mine[:3], nil, in(others[1]), "equivocation in statement 1"},
		{"another statement with a pending number", mine[:2], mine[2:3], in(others[2]), "equivocation in statement 2"},
		{"a gap", mine[:1], nil, in(mine[2]), "statement 2 is in a ledger, and statement 1 is in none"},
		{"a gap at a pending one", mine[:1], mine[1:2], in(mine[2]), "statement 2 is in a ledger, and statement 1 is in none"},
		{"one that follows another", mine[:1], nil, in(others[1]), "does not follow"},
		{"a pending one too far", mine[:1], mine[2:3], nil, "statement 2 does not follow"},
		{"a pending one that follows another", mine[:1], others[1:2], nil, "statement 1 does not follow"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := testEnv()
			k := &confirmation{home: &home{config: config{Issuer: "https://lab.example"}}, env: e, chain: tc.chain, pending: tc.pending, found: tc.found}
			err := k.reconcile(t.Context())
			said := fmt.Sprint(err, e.stdout.(*bytes.Buffer).String())
			if tc.want == "" && err != nil || !strings.Contains(said, tc.want) {
				t.Errorf("reconcile = %s, want %q", said, tc.want)
			}
			var verdict *verdictError
			if found := strings.HasPrefix(tc.want, "equivocation"); found != errors.As(err, &verdict) {
				t.Errorf("reconcile = %v, want misbehaviour: %v", err, found)
			}
		})
	}
	e := testEnv()
	k := &confirmation{home: &home{config: config{Issuer: "https://lab.example"}}, env: e}
	if err := k.equivocation(1, mine[1], mine[1]); err != nil {
		t.Errorf("one statement twice is equivocation: %v", err)
	}
}
