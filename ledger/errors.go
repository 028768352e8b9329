package ledger

import "errors"

// Why an engine cannot use a ledger. Each is wrapped with what was found; a ledger that
// lost entries gives ErrRollback.
var (
	ErrNoLedger = errors.New("there is no ledger")
	ErrWrongKey = errors.New("the ledger was signed with another key")
	ErrNoAnchor = errors.New("the record of what was relied on is lost")
	ErrReadOnly = errors.New("the ledger's directory cannot be written")
)

// ErrBusy says that a ledger takes no more entries now. Append the entry again, later.
var ErrBusy = errors.New("the ledger takes no more entries now")
