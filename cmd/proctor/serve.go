package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"
)

// Times within which a client must have said what it wants and taken the answer, and
// requests must end when the service does.
const (
	headerTime   = 10 * time.Second
	readTime     = 30 * time.Second
	writeTime    = 2 * time.Minute
	idleTime     = 2 * time.Minute
	shutdownTime = 30 * time.Second
	maxHeader    = 16 << 10
)

func serveFlags(listen string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Usage: "answer at `HOST:PORT`", Value: listen},
		&cli.StringFlag{Name: "tls-cert", Usage: "speak TLS with the certificates in `FILE`, PEM"},
		&cli.StringFlag{Name: "tls-key", Usage: "and the private key in `FILE`, PEM"},
		&cli.IntFlag{Name: "connections", Usage: "at most `N` at once; one more ends one of the client that has the most", Value: 4096},
		&cli.StringFlag{Name: "metrics", Usage: "answer GET /metrics, for Prometheus, at `HOST:PORT`"},
	}
}

// service is what serve answers with.
type service struct {
	handler http.Handler

	// started is told of the URL before anybody else is, and stopped is called at the
	// end; both may be nil.
	started func(url string) (stopped func(), err error)

	// watch adds to the metrics; it may be nil.
	watch func(*metrics)
}

// serve answers requests until the user or the system stops the program, and then
// lets those end that have begun. The first line on stdout is the service's URL.
func (e *env) serve(c *cli.Context, sv service) error {
	cert, key := c.String("tls-cert"), c.String("tls-key")
	if (cert == "") != (key == "") {
		return usagef("--tls-cert and --tls-key go together")
	}
	if c.Int("connections") < 1 {
		return usagef("--connections %d, want at least 1", c.Int("connections"))
	}
	log := e.logger()
	counts := newMetrics()
	if sv.watch != nil {
		sv.watch(counts)
	}
	if address := c.String("metrics"); address != "" {
		stop, err := counts.serve(address)
		if err != nil {
			return err
		}
		defer stop()
	}
	listener, err := net.Listen("tcp", c.String("listen"))
	if err != nil {
		return withHint(err, "--listen HOST:PORT names another address")
	}
	most := affordable(c.Int("connections"))
	if most < c.Int("connections") {
		log.Warn("fewer connections than --connections: the system lets this process open too few files", "connections", most)
	}
	// HTTP/2 is for a proxy in front: Go keeps what a connection had waiting when it ended,
	// until its timers end, and who resets streams fills the memory with that.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	limited := limitConnections(listener, most)
	counts.watchConnections(limited)
	s := &http.Server{
		ConnState: limited.note, Protocols: &protocols,
		Handler:           logged(log, counts, sv.handler),
		ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	scheme := "http"
	if cert != "" {
		scheme = "https"
		s.TLSConfig, err = e.freshTLS(cert, key, counts, log)
		if err != nil {
			return err
		}
	}
	url := fmt.Sprintf("%s://%s", scheme, listener.Addr())
	if sv.started != nil {
		stopped, err := sv.started(url)
		if err != nil {
			return err
		}
		defer stopped()
	}
	fmt.Fprintf(e.stdout, "serving   %s\n", url)
	served := make(chan error, 1)
	go func() {
		if cert != "" {
			served <- s.ServeTLS(limited, "", "")
		} else {
			served <- s.Serve(limited)
		}
	}()
	select {
	case err := <-served:
		return err
	case <-e.ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), shutdownTime)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests had not ended after %s: %w", shutdownTime, err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Info("stopped")
	return nil
}

// freshTLS speaks TLS with the certificates in files, which are renewed every few weeks
// while the service goes on.
func (e *env) freshTLS(cert, key string, m *metrics, log *slog.Logger) (*tls.Config, error) {
	f, err := newFresh("TLS certificate", func() (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(cert, key)
		return &c, err
	}, cert, key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	go f.follow(e.ctx, log)
	m.watchCertificate(f)
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.get(), nil },
	}, nil
}

// logger writes one JSON object a line to stderr.
func (e *env) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(e.stderr, nil)) }

// logged answers GET /healthz, and logs and counts every other request.
func logged(log *slog.Logger, counts *metrics, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			fmt.Fprintln(rw, "ok")
			return
		}
		begin := time.Now()
		w := &recorder{ResponseWriter: rw, status: http.StatusOK}
		next.ServeHTTP(w, r)
		took := time.Since(begin)
		counts.observe(r, w.status, took)
		log.Info("request", "method", r.Method, "path", r.URL.Path, "status", w.status, "bytes", w.bytes,
			"seconds", took.Seconds(), "from", r.RemoteAddr)
	})
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the writer beneath.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
