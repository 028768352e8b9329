package main

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/proctor-attest/proctor/ledger"
)

// metrics are what a service counts, for Prometheus. Labels are few: what comes from
// outside, an issuer or a path, is never one.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "proctor_http_requests_total", Help: "Requests answered, by kind and status.",
		}, []string{"kind", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "proctor_http_request_seconds", Help: "Time to answer, by kind.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}, []string{"kind"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// kindOf puts a request into one of a few classes.
func kindOf(r *http.Request) string {
	switch path := r.URL.Path; {
	case r.Method == http.MethodPost && path == "/add":
		return "add"
	case r.Method == http.MethodPost && path == "/add-checkpoint":
		return "add-checkpoint"
	case path == "/checkpoint":
		return "checkpoint"
	case len(path) > 6 && path[:6] == "/tile/":
		return "tile"
	}
	return "other"
}

func (m *metrics) observe(r *http.Request, status int, took time.Duration) {
	kind := kindOf(r)
	m.requests.WithLabelValues(kind, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(kind).Observe(took.Seconds())
}

// watchLedger adds the size of a ledger, and the age of its newest cosignature by each
// of some witnesses, as far as its checkpoint shows them.
func (m *metrics) watchLedger(r ledger.Reader, witnesses func() []ledger.WitnessKey, now func() time.Time) {
	m.registry.MustRegister(&ledgerCollector{
		reader: r, witnesses: witnesses, now: now,
		size: prometheus.NewDesc("proctor_ledger_entries", "Entries in the published checkpoint.", nil, nil),
		age:  prometheus.NewDesc("proctor_ledger_cosignature_age_seconds", "Age of the published checkpoint's cosignature, by witness of the policy.", []string{"witness"}, nil),
	})
}

type ledgerCollector struct {
	reader    ledger.Reader
	witnesses func() []ledger.WitnessKey
	now       func() time.Time
	size, age *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *ledgerCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.size
	out <- c.age
}

// Collect implements prometheus.Collector. A checkpoint that cannot be read is left out.
func (c *ledgerCollector) Collect(out chan<- prometheus.Metric) {
	signed, err := c.reader.ReadCheckpoint(context.Background())
	if err != nil {
		return
	}
	cp, err := ledger.ParseCheckpoint(signed)
	if err != nil {
		return
	}
	out <- prometheus.MustNewConstMetric(c.size, prometheus.GaugeValue, float64(cp.Size))
	for _, w := range c.witnesses() {
		if at, err := w.Cosigned(signed); err == nil {
			out <- prometheus.MustNewConstMetric(c.age, prometheus.GaugeValue, c.now().Sub(at).Seconds(), w.Name)
		}
	}
}

func (m *metrics) watchConnections(cs *connections) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "proctor_http_connections", Help: "Connections that are open.",
	}, func() float64 { return float64(cs.count()) }))
}

// watchPolicy says which policy is in force, by the hash of its file, and whether the file
// says something else by now that cannot be read.
func (m *metrics) watchPolicy(f *fresh[policyInForce]) {
	m.registry.MustRegister(&freshCollector{
		value: prometheus.NewDesc("proctor_policy_info", "The policy by which statements are admitted, by the SHA-256 of its file.", []string{"sha256"}, nil),
		stale: prometheus.NewDesc("proctor_policy_stale", "1 if the policy's file has changed and cannot be read.", nil, nil),
		collect: func(value *prometheus.Desc) prometheus.Metric {
			return prometheus.MustNewConstMetric(value, prometheus.GaugeValue, 1, hex.EncodeToString(f.get().hash[:]))
		},
		isStale: f.stale.Load,
	})
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "proctor_policy_reads_total", Help: "How often the policy was read.",
	}, func() float64 { return float64(f.reads.Load()) }))
}

// watchCertificate says until when the TLS certificate in use is good.
func (m *metrics) watchCertificate(f *fresh[tls.Certificate]) {
	m.registry.MustRegister(&freshCollector{
		value: prometheus.NewDesc("proctor_tls_certificate_not_after_seconds", "Until when the TLS certificate in use is good, in Unix time.", nil, nil),
		stale: prometheus.NewDesc("proctor_tls_certificate_stale", "1 if the certificate's files have changed and cannot be read.", nil, nil),
		collect: func(value *prometheus.Desc) prometheus.Metric {
			return prometheus.MustNewConstMetric(value, prometheus.GaugeValue, float64(f.get().Leaf.NotAfter.Unix()))
		},
		isStale: f.stale.Load,
	})
}

// freshCollector collects what a fresh value is.
type freshCollector struct {
	value, stale *prometheus.Desc
	collect      func(value *prometheus.Desc) prometheus.Metric
	isStale      func() bool
}

// Describe implements prometheus.Collector.
func (c *freshCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.value
	out <- c.stale
}

// Collect implements prometheus.Collector.
func (c *freshCollector) Collect(out chan<- prometheus.Metric) {
	out <- c.collect(c.value)
	stale := 0.0
	if c.isStale() {
		stale = 1
	}
	out <- prometheus.MustNewConstMetric(c.stale, prometheus.GaugeValue, stale)
}

// serve answers GET /metrics at an address of its own, which need not be public, until
// the returned function is called.
func (m *metrics) serve(address string) (stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, withHint(err, "--metrics HOST:PORT names another address")
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: writeTime}))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader}
	go s.Serve(listener)
	return func() { s.Close() }, nil
}
