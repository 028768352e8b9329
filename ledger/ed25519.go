package ledger

import (
	"errors"
	"math/big"
	"slices"
)

var (
	// The prime and the constant d of edwards25519, RFC 8032 section 5.1.
	fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curveD     = fieldElement("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3")

	// The y coordinates of the eight points whose order divides 8: the two of
	// order 4 share y = 0, the four of order 8 share two.
	smallOrderY = []*big.Int{
		big.NewInt(0),
		big.NewInt(1),
		new(big.Int).Sub(fieldPrime, big.NewInt(1)),
		fieldElement("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826"),
		fieldElement("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7"),
	}
)

func fieldElement(hex string) *big.Int {
	n, ok := new(big.Int).SetString(hex, 16)
	if !ok {
		panic("malformed constant " + hex)
	}
	return n
}

// checkPoint refuses encodings that crypto/ed25519 takes and nobody generates
// by accident. Under a key of small order one signature verifies for many
// messages, so its owner has signed nothing in particular; and a point with two
// encodings would be two keys here, each good for a place in the quorum.
//
// The R of a signature needs no such check: crypto/ed25519 compares its bytes
// with the canonical encoding of the R that it computes.
func checkPoint(pub []byte) error {
	if len(pub) != 32 {
		return errors.New("an Ed25519 key has 32 bytes")
	}
	b := slices.Clone(pub)
	slices.Reverse(b)
	b[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(b)
	if y.Cmp(fieldPrime) >= 0 {
		return errors.New("the Ed25519 key is not encoded canonically")
	}
	for _, low := range smallOrderY {
		if y.Cmp(low) == 0 {
			return errors.New("the Ed25519 key has small order")
		}
	}
	// x² = (y²-1) / (dy²+1), and u/v is a square if and only if uv is.
	yy := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(yy, big.NewInt(1))
	v := new(big.Int).Mul(yy, curveD)
	v.Add(v, big.NewInt(1))
	uv := u.Mul(u, v)
	if big.Jacobi(uv.Mod(uv, fieldPrime), fieldPrime) != 1 {
		return errors.New("the Ed25519 key is not a point of the curve")
	}
	return nil
}
