// Package localbeacon is a randomness beacon of one machine, for tests and
// demonstrations: the scheme, the files and the paths of drand, without its
// threshold of operators.
//
// Whoever holds its seed knows every future round, so that a draw or a challenge
// from it shows nothing about who could have foreseen it. No policy trusts a
// local beacon unless it is named there with its chain and key. Its chain hash is
// computed like drand's, so that the two cannot be taken for each other.
package localbeacon

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cloudflare/circl/sign/bls"
	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// Beacon signs rounds with a key of its own. It is safe for concurrent use.
type Beacon struct {
	public challenge.Beacon
	group  attest.Hash
	key    *bls.PrivateKey[bls.KeyG2SigG1]
}

// New makes the beacon of a seed of at least 32 secret bytes: the same arguments
// give the same beacon. Round 1 is due at genesis, cut to a second.
func New(seed []byte, name string, period uint32, genesis time.Time) (*Beacon, error) {
	key, err := bls.KeyGen[bls.KeyG2SigG1](seed, nil, []byte(name))
	if err != nil {
		return nil, fmt.Errorf("making the key of beacon %q: %w", name, err)
	}
	public, err := key.PublicKey().MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("encoding the key of beacon %q: %w", name, err)
	}
	b := &Beacon{key: key, group: sha256.Sum256(public)}
	b.public = challenge.Beacon{
		Name:    name,
		Scheme:  challenge.SchemeQuicknet,
		Chain:   chainHash(name, period, genesis.Unix(), public, b.group),
		Key:     hex.EncodeToString(public),
		Period:  period,
		Genesis: genesis.Unix(),
	}
	if err := b.public.Valid(); err != nil {
		return nil, err
	}
	return b, nil
}

// chainHash is drand's hash of a chain's public description.
func chainHash(name string, period uint32, genesis int64, key []byte, group attest.Hash) attest.Hash {
	info := binary.BigEndian.AppendUint32(nil, period)
	info = binary.BigEndian.AppendUint64(info, uint64(genesis))
	info = append(info, key...)
	info = append(info, group[:]...)
	// drand leaves out the name of its first beacon, which had none.
	if name != "default" {
		info = append(info, name...)
	}
	return sha256.Sum256(info)
}

// Public returns what a policy says of the beacon; it has no URLs.
func (b *Beacon) Public() challenge.Beacon { return b.public }

// Round returns the file of a round, also of one that is not due yet.
func (b *Beacon) Round(number uint64) ([]byte, error) {
	if _, err := b.public.Time(number); err != nil {
		return nil, err
	}
	message := sha256.Sum256(binary.BigEndian.AppendUint64(nil, number))
	signature := bls.Sign(b.key, message[:])
	randomness := attest.Hash(sha256.Sum256(signature))
	return json.Marshal(struct {
		Round      uint64      `json:"round"`
		Randomness attest.Hash `json:"randomness"`
		Signature  string      `json:"signature"`
	}{number, randomness, hex.EncodeToString(signature)})
}

// Latest returns the number of the newest round that is due at t, zero before
// the first.
func (b *Beacon) Latest(t time.Time) uint64 {
	since := t.Unix() - b.public.Genesis
	if since < 0 {
		return 0
	}
	return uint64(since)/uint64(b.public.Period) + 1
}

// Handler serves drand's paths /CHAIN/info, /CHAIN/public/latest and
// /CHAIN/public/ROUND. Rounds that are not due by the clock now are not found.
func (b *Beacon) Handler(now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	root := "GET /" + b.public.Chain.String()
	mux.HandleFunc(root+"/info", func(w http.ResponseWriter, _ *http.Request) {
		body, err := b.info()
		reply(w, body, err)
	})
	mux.HandleFunc(root+"/public/{round}", func(w http.ResponseWriter, r *http.Request) {
		body, err := b.served(r.PathValue("round"), b.Latest(now()))
		reply(w, body, err)
	})
	return mux
}

func (b *Beacon) served(name string, latest uint64) ([]byte, error) {
	number := latest
	if name != "latest" {
		var err error
		if number, err = strconv.ParseUint(name, 10, 64); err != nil {
			return nil, fmt.Errorf("round %q is not a number", name)
		}
	}
	if number == 0 || number > latest {
		return nil, errors.New("no such round yet")
	}
	return b.Round(number)
}

func (b *Beacon) info() ([]byte, error) {
	return json.Marshal(map[string]any{
		"public_key":   b.public.Key,
		"period":       b.public.Period,
		"genesis_time": b.public.Genesis,
		"hash":         b.public.Chain,
		"groupHash":    b.group,
		"schemeID":     b.public.Scheme,
		"metadata":     map[string]string{"beaconID": b.public.Name},
	})
}

func reply(w http.ResponseWriter, body []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}
