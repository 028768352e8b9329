package trillian

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	api "github.com/google/trillian"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/proctor-attest/proctor/ledger"
)

// leavesAtOnce is how many leaves are asked for in one go: four tiles.
const leavesAtOnce = 1 << 10

// maxMessage has room for so many of the largest, with what Trillian keeps beside each.
const maxMessage = leavesAtOnce * (ledger.MaxEntry + 1<<10)

// spread asks all addresses of a name in turn.
const spread = `{"loadBalancingConfig":[{"round_robin":{}}]}`

func dial(c Config) (*grpc.ClientConn, error) {
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil {
		return nil, fmt.Errorf("log server %q is not HOST:PORT", c.Server)
	}
	how := insecure.NewCredentials()
	if c.TLS != nil {
		conf := c.TLS.Clone()
		conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
		how = credentials.NewTLS(conf)
	} else if !c.InsecurePlaintext && !onThisMachine(host) {
		return nil, fmt.Errorf("log server %s is on another machine, and %w", c.Server, ErrNoTLS)
	}
	return grpc.NewClient("dns:///"+c.Server, grpc.WithTransportCredentials(how),
		grpc.WithDefaultServiceConfig(spread), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CreateTree makes an empty tree at Trillian for a ledger and returns its number. Of the
// Config only Server, TLS and InsecurePlaintext count, and Patience.
func CreateTree(ctx context.Context, c Config) (int64, error) {
	conn, err := dial(c)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return newTree(ctx, conn, c, api.TreeType_LOG)
}

func newTree(ctx context.Context, conn *grpc.ClientConn, c Config, kind api.TreeType) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience())
	defer cancel()
	tree, err := api.NewTrillianAdminClient(conn).CreateTree(ctx, &api.CreateTreeRequest{Tree: &api.Tree{
		TreeState: api.TreeState_ACTIVE, TreeType: kind, MaxRootDuration: durationpb.New(0),
		DisplayName: "proctor",
	}}, grpc.WaitForReady(true))
	if err != nil {
		return 0, fmt.Errorf("creating a tree at %s: %w", c.Server, plain(err))
	}
	log := api.NewTrillianLogClient(conn)
	if _, err := log.InitLog(ctx, &api.InitLogRequest{LogId: tree.TreeId}); err != nil {
		return 0, fmt.Errorf("initialising tree %d at %s: %w", tree.TreeId, c.Server, plain(err))
	}
	for { // "Wait for log root to become available", as Trillian's own client does
		_, err := log.GetLatestSignedLogRoot(ctx, &api.GetLatestSignedLogRootRequest{LogId: tree.TreeId})
		if status.Code(err) != codes.FailedPrecondition {
			return tree.TreeId, plain(err)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(shortNap):
		}
	}
}

func (c Config) patience() time.Duration {
	if c.Patience == 0 {
		return patience
	}
	return c.Patience
}

// plain is an error of Trillian's without what gRPC writes before it.
func plain(err error) error {
	if s, ok := status.FromError(err); ok && s.Code() != codes.OK {
		return &answer{s.Code(), clip(s.Message())}
	}
	return err
}

// An answer is what Trillian, or the way to it, said instead of doing what it was asked.
type answer struct {
	code codes.Code
	text string
}

func (a *answer) Error() string { return fmt.Sprintf("%s (%s)", a.text, a.code) }

// passing reports whether the same question may be answered later.
func (a *answer) passing() bool {
	switch a.code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted, codes.Internal, codes.Unknown:
		return true // a database that is down is unknown to gRPC
	}
	return false
}

// clip shortens what others say.
func clip(text string) string {
	const limit = 300
	if len(text) > limit {
		return text[:limit] + "…"
	}
	return text
}
