package main

import (
	"fmt"

	"github.com/proctor-attest/proctor/verify"
)

// Exit codes; "proctor help exit-codes" is this table for people.
const (
	exitOK           = 0   // supported at the required level; nothing found
	exitFailed       = 1   // CANNOT CHECK, or the command could not run
	exitUsage        = 2   // the command line is wrong
	exitContradicted = 3   // CONTRADICTED or RETRACTED; misbehaviour found
	exitGaps         = 4   // NOT SUPPORTED, SUPPORTED WITH GAPS, STALE
	exitInterrupted  = 130 // stopped by the user
)

func exitFor(v *verify.Verdict) int {
	switch {
	case v.Headline == verify.CannotCheck:
		return exitFailed
	case v.Headline == verify.ContradictedClaim || v.Headline == verify.Retracted:
		return exitContradicted
	case v.OK():
		return exitOK
	}
	return exitGaps
}

// usageError marks mistakes on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// hintError carries one line on what to do.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

func withHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hintError{err, hint}
}

// verdictError ends a command whose answer is on stdout already.
type verdictError struct{ code int }

func (e *verdictError) Error() string { return fmt.Sprintf("exit code %d", e.code) }
