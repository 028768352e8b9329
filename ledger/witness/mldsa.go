package witness

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	fnote "github.com/transparency-dev/formats/note"

	"github.com/proctor-attest/proctor/ledger"
	"github.com/proctor-attest/proctor/ledger/durable"
)

// The files of the second key, which a witness need not have.
const (
	mldsaKeyName = "key-mldsa"
	mldsaPubName = "pub-mldsa"
)

// mldsaKey is a second key of a witness, ML-DSA-44 (FIPS 204), whose cosignatures a
// quantum computer cannot forge. Each cosignature of the witness comes with one of it.
type mldsaKey struct {
	key    ledger.WitnessKey
	signer *fnote.SubtreeSigner
}

// AddMLDSA gives the witness a second key, with the name of the first. It is an error
// to have one already.
func (w *Witness) AddMLDSA() error {
	lock, err := w.lock()
	if err != nil {
		return err
	}
	defer lock.Release()
	if _, err := os.Lstat(w.path(mldsaKeyName)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", w.path(mldsaKeyName), fs.ErrExist)
	}
	skey, pub, err := fnote.GenerateMLDSAKey(w.Name())
	if err != nil {
		return err
	}
	if err := durable.WriteFile(w.path(mldsaPubName), []byte(pub+"\n"), 0o644); err != nil {
		return err
	}
	// The key comes last: where it is, its verifier key is too.
	if err := durable.WriteFile(w.path(mldsaKeyName), []byte(skey+"\n"), 0o600); err != nil {
		return err
	}
	w.mldsa, err = w.openMLDSA()
	return err
}

// openMLDSA reads the second key, or nil. Its errors never hold any of the secret.
func (w *Witness) openMLDSA() (*mldsaKey, error) {
	skey, err := w.readLine(mldsaKeyName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pub, err := w.readLine(mldsaPubName)
	if err != nil {
		return nil, err
	}
	k := new(mldsaKey)
	if k.key, err = ledger.ParseWitnessKey(pub); err != nil {
		return nil, fmt.Errorf("%s: %w", w.path(mldsaPubName), err)
	}
	if k.signer, err = fnote.NewMLDSASigner(skey); err != nil {
		return nil, fmt.Errorf("%s: malformed signing key", w.path(mldsaKeyName))
	}
	if id := fmt.Sprintf("%08x", k.signer.KeyHash()); k.key.Name != w.Name() || k.signer.Name() != w.Name() || strings.Split(pub, "+")[1] != id {
		return nil, fmt.Errorf("%s does not belong to %s, or not to this witness", w.path(mldsaKeyName), w.path(mldsaPubName))
	}
	return k, nil
}

// sign makes a cosignature over the whole tree of a checkpoint. It states nothing of
// extension lines.
func (k *mldsaKey) sign(c ledger.Checkpoint, now uint64) ([]byte, error) {
	sig, err := k.signer.SignSubtree(now, c.Origin, 0, c.Size, c.Root[:])
	if err != nil {
		return nil, fmt.Errorf("cosigning with ML-DSA-44: %w", err)
	}
	raw := append(binary.BigEndian.AppendUint32(nil, k.signer.KeyHash()), sig...)
	return fmt.Appendf(nil, "— %s %s\n", k.key.Name, base64.StdEncoding.EncodeToString(raw)), nil
}
