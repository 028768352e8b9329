package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/server"
)

// serveBatch is how many entries are integrated at once: what Tessera does best with.
const serveBatch = 1024

func (e *env) cmdLedgerServe() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "serve the home's ledger: tiles to everybody, additions to those whom the policy knows",
		Description: "Speaks c2sp.org/tlog-tiles, and POST /add, which answers with the entry's proof once\n" +
			"it is in the ledger and cosigned. Statements are admitted when an issuer of the policy\n" +
			"has signed them. While it serves, no other command appends to this ledger but through\n" +
			"it: with --ledger URL. \"proctor help serve\" says how to run one.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "policy", Usage: "whose statements are admitted, a `FILE` (default: the home's)"},
			&cli.DurationFlag{Name: "interval", Usage: "publish and have cosigned a checkpoint once in `DURATION`; public witnesses ask for a second or more", Value: time.Second},
			&cli.Float64Flag{Name: "rate", Usage: "`N` statements a second that each issuer may add in the long run; 0 for no limit", Value: 10},
			&cli.IntFlag{Name: "burst", Usage: "`N` that each may add at once", Value: 1000},
			&cli.IntFlag{Name: "waiting", Usage: "`N` that may be on their way at once, of all issuers", Value: 4096},
		}, serveFlags("127.0.0.1:7379")...),
		Action: e.runLedgerServe,
	}
}

func (e *env) runLedgerServe(c *cli.Context) (err error) {
	if err := noArgs(c); err != nil {
		return err
	}
	h, err := e.openHome()
	if err != nil {
		return err
	}
	if err := h.checkConfirmed(); err != nil {
		return err
	}
	own, err := e.freshHomePolicy(h)
	if err != nil {
		return err
	}
	go own.follow(e.ctx, e.logger())
	policy := own
	if name := c.String("policy"); name != "" {
		if policy, err = freshPolicy(name); err != nil {
			return err
		}
		go policy.follow(e.ctx, e.logger())
	}
	logger := e.logger()
	cosigning := newCosigning(h, own, logger)
	log, err := h.openOwn(e.ctx, &ownService{interval: c.Duration("interval"), cosign: cosigning.cosign})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close(context.WithoutCancel(e.ctx))) }()
	handler := server.Handler(server.Config{
		Log: log, Admit: func(ctx context.Context, entry []byte) (string, error) {
			return admission(policy.get().Policy)(ctx, entry)
		},
		Rate: c.Float64("rate"), Burst: c.Int("burst"), Waiting: c.Int("waiting"),
		Added: func(issuer string, status int, took time.Duration, err error) {
			logAdded(logger, issuer, status, took, err)
		},
	})
	vkey, err := h.ledgerVKey()
	if err != nil {
		return err
	}
	key, err := ledger.ParseLogKey(vkey)
	if err != nil {
		return err
	}
	witnesses := func() []ledger.WitnessKey { return policy.get().Ledger.Witnesses() }
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	newExplorer(log, key, witnesses, e.now, logger).register(mux)
	return e.serve(c, service{
		handler: mux,
		started: func(url string) (func(), error) { return h.markServing(url, c.String("tls-cert")) },
		watch: func(m *metrics) {
			m.watchLedger(log, witnesses, e.now)
			m.watchPolicy(policy)
			m.registry.MustRegister(cosigning.failed)
		},
	})
}

func logAdded(log *slog.Logger, issuer string, status int, took time.Duration, err error) {
	attrs := []any{"issuer", issuer, "status", status, "seconds", took.Seconds()}
	switch {
	case err == nil:
		log.Info("added", attrs...)
	case status >= http.StatusInternalServerError:
		log.Error("not added", append(attrs, "why", err.Error())...)
	default:
		log.Warn("not added", append(attrs, "why", err.Error())...)
	}
}
