//go:build unix

package server_test

import (
	"context"
	"testing"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/ledgertest"
	"github.com/proctor-attest/proctor/ledger/server"
)

// What every engine must do, over HTTP.
func TestSuite(t *testing.T) {
	ledgertest.Run(t, func(t testing.TB) ledgertest.Engine {
		s := serve(t, func(c *server.Config) {
			c.Admit = func(context.Context, []byte) (string, error) { return "all", nil }
		})
		return ledgertest.Engine{Key: s.key.VKey, Remote: true, Open: func(testing.TB, ledgertest.CosignFunc) ledger.Log {
			return s.remote()
		}}
	})
}
