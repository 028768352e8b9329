package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// connections bounds how many a service has open at once. One more takes the place of one
// of the client that has the most, of an idle one if it can: so who opens thousands, and
// says nothing or little, shuts out himself before others.
type connections struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[net.Conn]*connection
	of   map[string]int // how many a client has
}

type connection struct {
	net.Conn
	from  *connections
	host  string
	since time.Time
	idle  bool
	once  sync.Once
}

func limitConnections(l net.Listener, most int) *connections {
	return &connections{Listener: l, most: most, open: map[net.Conn]*connection{}, of: map[string]int{}}
}

// Accept implements net.Listener.
func (cs *connections) Accept() (net.Conn, error) {
	c, err := cs.Listener.Accept()
	if err != nil {
		return nil, err
	}
	host := hostOf(c.RemoteAddr())
	cs.mu.Lock()
	var victim *connection
	if len(cs.open) >= cs.most {
		victim = cs.victim()
	}
	added := &connection{Conn: c, from: cs, host: host, since: time.Now()}
	cs.open[added] = added
	cs.of[host]++
	cs.mu.Unlock()
	if victim != nil {
		victim.Close()
	}
	return added, nil
}

// hostOf is who is at an address: of IPv6, whoever has the network of 64 bits.
func hostOf(a net.Addr) string {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return a.String()
	}
	ip := at.Addr().Unmap()
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}

// victim is the connection to end when there are too many.
func (cs *connections) victim() (worst *connection) {
	for _, c := range cs.open {
		if worst == nil || cs.worse(c, worst) {
			worst = c
		}
	}
	return worst
}

func (cs *connections) worse(a, b *connection) bool {
	if cs.of[a.host] != cs.of[b.host] {
		return cs.of[a.host] > cs.of[b.host]
	}
	if a.idle != b.idle {
		return a.idle
	}
	return a.since.Before(b.since)
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.once.Do(func() {
		c.from.mu.Lock()
		defer c.from.mu.Unlock()
		delete(c.from.open, c)
		if c.from.of[c.host]--; c.from.of[c.host] == 0 {
			delete(c.from.of, c.host)
		}
	})
	return c.Conn.Close()
}

// note is http.Server's ConnState: a connection is idle, or has been busy since now.
func (cs *connections) note(c net.Conn, state http.ConnState) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if known := cs.open[c]; known != nil {
		known.idle, known.since = state == http.StateIdle, time.Now()
	}
}

// count is how many are open.
func (cs *connections) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.open)
}
