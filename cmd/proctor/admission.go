package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/server"
	"github.com/proctor-attest/proctor/verify"
)

// admission lets into a served ledger the statements of this version that an issuer of
// the policy has signed with one of its keys. Whether what they say is true, or agrees
// with earlier ones, is for those who verify.
func admission(policy *verify.Policy) func(context.Context, []byte) (string, error) {
	return func(_ context.Context, data []byte) (string, error) {
		entry, err := attest.ParseEntry(data)
		if err != nil {
			return "", refuse(http.StatusBadRequest, "not a statement of Proctor: %w", err)
		}
		return admit(policy, entry)
	}
}

func refuse(status int, format string, args ...any) error {
	return &server.Refusal{Status: status, Err: fmt.Errorf(format, args...)}
}

// admit is admission for what was parsed.
func admit(policy *verify.Policy, entry *attest.Entry) (string, error) {
	uri := entry.Statement.Head().Issuer
	issuer := policy.Issuer(uri)
	if issuer == nil {
		return "", refuse(http.StatusForbidden, "this ledger takes no statements of %q", printable(uri))
	}
	if _, opaque := entry.Statement.Predicate.(*attest.Opaque); opaque {
		return issuer.URI, refuse(http.StatusBadRequest, "a %s statement, which this ledger's version does not know", entry.Statement.Kind())
	}
	for _, k := range issuer.Keys {
		if entry.Bundle.SignedBy(k.Key) && policy.Denied(k.Key.Fingerprint()) == "" {
			return issuer.URI, nil
		}
	}
	return issuer.URI, refuse(http.StatusForbidden, "no key of %q that this ledger knows has signed the statement", printable(uri))
}
