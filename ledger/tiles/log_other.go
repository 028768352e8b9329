//go:build !unix

package tiles

import (
	"context"
	"errors"

	"github.com/proctor-attest/proctor/ledger"
)

// Tessera's POSIX driver needs file locks and links of a Unix system.
var errSystem = errors.New("the embedded ledger needs a Unix system to append; verifying works everywhere")

// A Log is an open ledger. On this system there is none.
type Log struct{ ledger.Reader }

var _ ledger.Log = (*Log)(nil)

// Create returns an error on this system.
func Create(context.Context, Config) error { return errSystem }

// Open returns an error on this system.
func Open(context.Context, Config) (*Log, error) { return nil, errSystem }

// Append implements ledger.Log.
func (*Log) Append(context.Context, []byte) (ledger.Appended, error) {
	return ledger.Appended{}, errSystem
}

// Close implements ledger.Log.
func (*Log) Close(context.Context) error { return nil }
