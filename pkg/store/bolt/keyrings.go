package bolt

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/keyring"
)

// partRecord is one part of the keyring under its name.
type partRecord struct {
	Version int64  `json:"version"`
	Data    []byte `json:"data"`
	States  []byte `json:"states,omitempty"`
}

// ReadPart implements keyring.Store.
func (s *Store) ReadPart(ctx context.Context, part keyring.Part) (keyring.Item, error) {
	var record partRecord
	err := s.read(ctx, "read keyring", func(tx *bbolt.Tx) (err error) {
		var ok bool
		record, ok, err = get[partRecord](tx.Bucket(keyringBucket), []byte(part))
		if err == nil && !ok {
			err = keyring.ErrMissing
		}
		return err
	})
	if err != nil {
		return keyring.Item{}, err
	}
	return keyring.Item(record), nil
}

// ReplaceParts implements keyring.Store.
func (s *Store) ReplaceParts(ctx context.Context, version int64, parts map[keyring.Part][]byte) error {
	return s.write(ctx, "replace keyring", func(tx *bbolt.Tx) error {
		stored := tx.Bucket(keyringBucket)
		for _, part := range []keyring.Part{keyring.Signing, keyring.Refresh, keyring.Public} {
			found, _, err := get[partRecord](stored, []byte(part))
			switch {
			case err != nil:
				return err
			case found.Version != version: // 0 when there is none
				return keyring.ErrConflict
			}
			data, ok := parts[part]
			if !ok {
				return fmt.Errorf("no %s among the new parts", part)
			}
			if err := put(stored, []byte(part), partRecord{Version: version + 1, Data: data}); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReplaceLinks implements keyring.LinkStore.
func (s *Store) ReplaceLinks(ctx context.Context, version int64, data, states []byte) error {
	return s.write(ctx, "replace the keys of links", func(tx *bbolt.Tx) error {
		stored := tx.Bucket(keyringBucket)
		found, _, err := get[partRecord](stored, []byte(keyring.Links))
		switch {
		case err != nil:
			return err
		case found.Version != version: // 0 when there is none
			return keyring.ErrConflict
		}
		return put(stored, []byte(keyring.Links), partRecord{version + 1, data, states})
	})
}
