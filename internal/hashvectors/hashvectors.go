// Package hashvectors reads what cmd/wavepass/testdata/interop/hashes.py and hashes.mjs print: password hashes that other
// programs have made.
package hashvectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/wavepass/wavepass/pkg/foreignhash"
)

// Vector is a hash of a password.
type Vector struct {
	MadeBy   string `json:"made_by"`
	Password string `json:"password"`
	Hash     string `json:"hash"` // in the form of the program
	Pepper   string `json:"pepper"`
	Firebase *struct {
		SignerKey     []byte `json:"signer_key"`
		SaltSeparator []byte `json:"salt_separator"`
		Rounds        int    `json:"rounds"`
		MemCost       int    `json:"mem_cost"`
		Salt          []byte `json:"salt"`
	} `json:"firebase"`
}

// Stored returns the hash as package foreignhash reads it.
func (v Vector) Stored() (string, error) {
	switch {
	case v.Pepper != "":
		return foreignhash.Peppered(v.Hash, v.Pepper), nil
	case v.Firebase == nil:
		return v.Hash, nil
	}
	var key []byte
	if err := json.Unmarshal([]byte(`"`+v.Hash+`"`), &key); err != nil {
		return "", fmt.Errorf("%s: %w", v.MadeBy, err)
	}
	project := foreignhash.Project{
		SignerKey: v.Firebase.SignerKey, SaltSeparator: v.Firebase.SaltSeparator, Rounds: v.Firebase.Rounds, MemCost: v.Firebase.MemCost,
	}
	return foreignhash.Firebase(project, v.Firebase.Salt, key), nil
}

// Read reads vectors, one a line.
func Read(text []byte) (vectors []Vector, err error) {
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var v Vector
		switch err := decoder.Decode(&v); {
		case errors.Is(err, io.EOF):
			return vectors, nil
		case err != nil:
			return nil, err
		}
		vectors = append(vectors, v)
	}
}
