package bolt

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/wavepass/wavepass/pkg/schema"
)

// Schema implements schema.Source. Open refuses every other number, and nobody else has the file open.
func (s *Store) Schema(context.Context) (int, error) { return schema.Current, nil }

// checkSchema gives a new file its number and refuses a file with another one.
func checkSchema(meta *bbolt.Bucket) error {
	if meta.Get(formatKey) == nil {
		return putSchema(meta)
	}
	number, err := schemaOf(meta)
	switch {
	case err != nil:
		return err
	case number < schema.Current:
		return fmt.Errorf("%w: its schema is number %d, this version's is %d", schema.ErrOlder, number, schema.Current)
	}
	return nil
}

func schemaOf(meta *bbolt.Bucket) (int, error) {
	number, err := strconv.Atoi(string(meta.Get(formatKey)))
	if err != nil {
		return 0, fmt.Errorf("%w: schema %q", ErrFormat, meta.Get(formatKey))
	}
	if err := schema.Check(number); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return number, nil
}

func putSchema(meta *bbolt.Bucket) error {
	return meta.Put(formatKey, []byte(strconv.Itoa(schema.Current)))
}

// Migrate brings the file at path to schema.Current, in one transaction: interrupted, it has done nothing. It
// changes nothing with dryRun, and may be repeated.
func Migrate(path string, dryRun bool) (done schema.Migration, err error) {
	s, err := openFile(path, time.Now)
	if err != nil {
		return schema.Migration{}, err
	}
	defer func() { _ = s.Close() }()
	run := s.db.Update
	if dryRun {
		run = s.db.View
	}
	err = run(func(tx *bbolt.Tx) (err error) {
		done, err = migrate(tx, dryRun)
		return err
	})
	if err != nil {
		return schema.Migration{}, fmt.Errorf("bolt: migrate %s: %w", path, err)
	}
	return done, nil
}

func migrate(tx *bbolt.Tx, dryRun bool) (schema.Migration, error) {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return schema.Migration{}, fmt.Errorf("%w: another program's database", ErrFormat)
	}
	from, err := schemaOf(meta)
	if err != nil {
		return schema.Migration{}, err
	}
	done := schema.Migration{From: from, To: schema.Current}
	if from == schema.Current {
		return done, nil
	}
	done.Items, err = rewriteLoginNames(tx.Bucket(loginNameBucket), dryRun)
	if err != nil || dryRun {
		return done, err
	}
	return done, putSchema(meta)
}

// rewriteLoginNames stores every login name as this version does, without the epoch, and returns how many there are.
func rewriteLoginNames(names *bbolt.Bucket, dryRun bool) (count int, err error) {
	records := map[string]loginNameRecord{} // a cursor is not to be moved over what it changes
	err = names.ForEach(func(name, _ []byte) (err error) {
		records[string(name)], _, err = get[loginNameRecord](names, name)
		return err
	})
	if err != nil || dryRun {
		return len(records), err
	}
	for name, record := range records {
		if err := put(names, []byte(name), record); err != nil {
			return 0, err
		}
	}
	return len(records), nil
}
