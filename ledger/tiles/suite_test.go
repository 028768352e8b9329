//go:build unix

package tiles_test

import (
	"fmt"
	"testing"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/ledgertest"
	"github.com/proctor-attest/proctor/ledger/tiles"
)

// What every engine must do, for programs that append an entry or a few, and for services.
func TestSuite(t *testing.T) {
	for _, batch := range []uint{0, 64} {
		t.Run(fmt.Sprint("batch ", batch), func(t *testing.T) {
			ledgertest.Run(t, func(t testing.TB) ledgertest.Engine {
				c := configIn(t, t.TempDir())
				c.Batch = batch
				if err := tiles.Create(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				return ledgertest.Engine{Key: c.Key, Slow: batch == 0, Open: func(t testing.TB, cosign ledgertest.CosignFunc) ledger.Log {
					c.Cosign = cosign
					return open(t, c)
				}}
			})
		})
	}
}
