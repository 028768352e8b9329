package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"

	"github.com/digitorus/timestamp"

	"github.com/proctor-attest/proctor/attest"
)

const nonceBits = 128

// RequestToken asks the timestamp authority at a URL for a token over these bytes, of
// which it is shown the SHA-256 alone. That the token answers this very request is
// checked; whether anybody should believe the authority is not.
func RequestToken(ctx context.Context, client *http.Client, url string, message []byte) ([]byte, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), nonceBits))
	if err != nil {
		return nil, err
	}
	query, err := timestamp.CreateRequest(bytes.NewReader(message), &timestamp.RequestOptions{Hash: crypto.SHA256, Certificates: true, Nonce: nonce})
	if err != nil {
		return nil, fmt.Errorf("timestamp request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/timestamp-query")
	request.Header.Set("Accept", "application/timestamp-reply")
	resp, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	token, err := io.ReadAll(io.LimitReader(resp.Body, attest.MaxToken+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	t, err := ParseToken(token)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	switch {
	case !t.Covers(message):
		return nil, fmt.Errorf("%s: %w", url, ErrOtherBytes)
	case t.nonce == nil || t.nonce.Cmp(nonce) != 0:
		return nil, fmt.Errorf("%s: %w", url, errors.New("the token answers another request"))
	}
	return token, nil
}
