// Package blocklist knows the passwords that are tried first, because many people use them. It holds no password, only the first 36 bits
// of the SHA-256 of each (docs/adr/0062-the-blocklist-is-a-sorted-table.md).
package blocklist

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

//go:generate go run ../../../internal/passwordlist -o common.bin

// common is a text and no slice, so that nothing is copied or read before the first look-up.
//
//go:embed common.bin
var common string

// The table is sorted by the first 36 bits of the hashes. It begins with an index, which says for each value of the first 12 bits how many
// hashes are smaller; behind the last one stands how many there are. Then come the other 24 bits of each hash. All numbers are big-endian.
const (
	buckets   = 1 << 12
	indexLen  = 4
	restLen   = 3
	restStart = (buckets + 1) * indexLen
)

// Common reports whether a password is on the list, or is one of the few others that the table cannot tell from it: 1 in 600,000.
func Common(password string) bool { return contains(common, hashOf(Fold(password))) }

// Fold returns the form in which passwords are compared: NFKC in lower case.
func Fold(password string) string {
	return norm.NFKC.String(strings.ToLower(norm.NFKC.String(password)))
}

// hash is the first 36 bits of a SHA-256.
type hash struct{ bucket, rest uint32 }

func hashOf(folded string) hash {
	sum := sha256.Sum256([]byte(folded))
	bits := binary.BigEndian.Uint64(sum[:])
	return hash{uint32(bits >> 52), uint32(bits>>28) & 0xffffff}
}

func contains(table string, h hash) bool {
	for i := smaller(table, h.bucket); i < smaller(table, h.bucket+1); i++ {
		at := restStart + i*restLen
		if uint32(table[at])<<16|uint32(table[at+1])<<8|uint32(table[at+2]) == h.rest {
			return true
		}
	}
	return false
}

// smaller returns how many hashes are in the buckets before this one.
func smaller(table string, bucket uint32) int {
	at := bucket * indexLen
	return int(table[at])<<24 | int(table[at+1])<<16 | int(table[at+2])<<8 | int(table[at+3])
}

// Encode returns the table of passwords that are folded. Their order makes no difference.
func Encode(folded []string) ([]byte, error) {
	hashes := make([]hash, len(folded))
	for i, password := range folded {
		if Fold(password) != password {
			return nil, fmt.Errorf("blocklist: entry %d is not folded", i+1)
		}
		hashes[i] = hashOf(password)
	}
	slices.SortFunc(hashes, func(a, b hash) int { return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.rest, b.rest)) })
	hashes = slices.Compact(hashes)

	table, next := make([]byte, 0, restStart+len(hashes)*restLen), 0
	for bucket := range uint32(buckets + 1) {
		for next < len(hashes) && hashes[next].bucket < bucket {
			next++
		}
		table = binary.BigEndian.AppendUint32(table, uint32(next))
	}
	for _, h := range hashes {
		table = append(table, byte(h.rest>>16), byte(h.rest>>8), byte(h.rest))
	}
	return table, nil
}
