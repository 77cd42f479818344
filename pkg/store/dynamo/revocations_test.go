package dynamo_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/oauth"
	"github.com/wavepass/wavepass/pkg/revocation"
	"github.com/wavepass/wavepass/pkg/store/dynamo"
)

// entryOnTheWire is a live entry with the id.
func entryOnTheWire(at time.Time, id string) map[string]any {
	return map[string]any{
		"at": map[string]any{"N": strconv.FormatInt(at.UnixMilli(), 10)}, "kind": map[string]any{"S": "jti"},
		"id": map[string]any{"S": id}, "min_epoch": map[string]any{"N": "0"},
	}
}

func TestSinceReadsEveryPageOfEveryShard(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	table := newFake(t)
	table.on("Query", func(w http.ResponseWriter, c call, _ int) {
		shard := attribute(c.body["ExpressionAttributeValues"], ":shard")
		page := "first"
		if start := c.body["ExclusiveStartKey"]; start != nil {
			page = attribute(start, "sk")
		}
		out := map[string]any{"Items": []any{entryOnTheWire(now, shard+" "+page)}}
		next := map[string]string{"first": "second", "second": "third"}[page]
		if next != "" {
			out["LastEvaluatedKey"] = map[string]any{"pk": map[string]any{"S": shard}, "sk": map[string]any{"S": next}}
		}
		reply(w, out)
	})
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL, Shards: 4, Now: func() time.Time { return now }})
	entries, err := store.Since(t.Context(), time.Time{})
	if err != nil {
		t.Fatalf("Since: %v", err)
	}
	var got, want []string
	for _, e := range entries {
		got = append(got, e.ID)
	}
	for shard := range 4 {
		for _, page := range []string{"first", "second", "third"} {
			want = append(want, fmt.Sprintf("REVOCATION#%d %s", shard, page))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("entries = %q, want %q", got, want)
	}
}

// TestOneShardThatFailsMakesTheLogUnavailable: half a denylist lets in what the other half denies.
func TestOneShardThatFailsMakesTheLogUnavailable(t *testing.T) {
	table := newFake(t)
	table.on("Query", func(w http.ResponseWriter, c call, _ int) {
		if attribute(c.body["ExpressionAttributeValues"], ":shard") == "REVOCATION#2" {
			refuse(w, "AccessDeniedException")
			return
		}
		reply(w, map[string]any{"Items": []any{}})
	})
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL, Shards: 4})
	if entries, err := store.Since(t.Context(), time.Time{}); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("Since = %v, error %v; want ErrUnavailable", entries, err)
	}
}

// TestReadingThatBreaksOffHasNoGaps: the beginning that comes with the error ends where the first shard ends.
func TestReadingThatBreaksOffHasNoGaps(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	for name, test := range map[string]struct {
		pages [3][][]int // by shard: stamps in ms; nil: an outage
		want  []int
	}{
		"at the second page": {[3][][]int{{{1, 4}, {7, 9}}, {{2, 5}, nil}, {{3, 6}}}, []int{1, 2, 3, 4, 5}},
		"in two shards":      {[3][][]int{{{1, 4}, nil}, {{2, 5}, nil}, {{3, 6}}}, []int{1, 2, 3, 4}},
		"at the third page":  {[3][][]int{{{1, 4}, {5}}, {{2}, {3}, nil}, {}}, []int{1, 2, 3}},
		"at the first page":  {[3][][]int{{{1, 4}}, {nil}, {{3, 6}}}, nil},
		"at an empty page":   {[3][][]int{{{1, 4}}, {{}, nil}, {{3, 6}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			table := newFake(t)
			table.on("Query", func(w http.ResponseWriter, c call, _ int) {
				shard := attribute(c.body["ExpressionAttributeValues"], ":shard")
				pages := test.pages[shard[len(shard)-1]-'0']
				page := 0
				if start := c.body["ExclusiveStartKey"]; start != nil {
					page, _ = strconv.Atoi(attribute(start, "sk"))
				}
				out, items := map[string]any{}, []any{}
				if page < len(pages) {
					if pages[page] == nil {
						refuse(w, "AccessDeniedException")
						return
					}
					for _, stamp := range pages[page] {
						items = append(items, entryOnTheWire(now.Add(time.Duration(stamp)*time.Millisecond), "x"))
					}
				}
				if page+1 < len(pages) {
					out["LastEvaluatedKey"] = map[string]any{"pk": map[string]any{"S": shard}, "sk": map[string]any{"S": strconv.Itoa(page + 1)}}
				}
				out["Items"] = items
				reply(w, out)
			})
			store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL, Shards: 3, Now: func() time.Time { return now }})
			entries, err := store.Since(t.Context(), time.Time{})
			if !errors.Is(err, oauth.ErrUnavailable) {
				t.Errorf("error %v, want ErrUnavailable", err)
			}
			var got []int
			for _, e := range entries {
				got = append(got, int(e.At.Sub(now).Milliseconds()))
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("entries stamped %v ms, want %v", got, test.want)
			}
		})
	}
}

func TestUnreadableEntryMakesTheLogUnavailable(t *testing.T) {
	table := newFake(t)
	table.on("Query", func(w http.ResponseWriter, _ call, _ int) {
		e := entryOnTheWire(time.Now(), "i")
		delete(e, "min_epoch")
		reply(w, map[string]any{"Items": []any{e}})
	})
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL})
	if entries, err := store.Since(t.Context(), time.Time{}); !errors.Is(err, oauth.ErrUnavailable) {
		t.Errorf("Since = %v, error %v; want ErrUnavailable", entries, err)
	}
}

func TestEntriesAreSpreadOverTheShards(t *testing.T) {
	const shards, entries = 4, 400
	table := newFake(t)
	store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL, Shards: shards})
	for i := range entries {
		if err := store.Append(t.Context(), revocation.Entry{At: time.Unix(1, 0), Kind: revocation.Token, ID: strconv.Itoa(i)}); err != nil {
			t.Fatalf("Append: %v", err)
		}
	}
	count := map[string]int{}
	for _, it := range table.items {
		count[attribute(it, "pk")]++
	}
	for shard := range shards {
		partition := fmt.Sprintf("REVOCATION#%d", shard)
		if got := count[partition]; got < entries/shards/2 || got > entries/shards*2 {
			t.Errorf("%s has %d of %d entries, want about %d", partition, got, entries, entries/shards)
		}
	}
	if len(count) != shards {
		t.Errorf("entries lie in %d partitions, want %d", len(count), shards)
	}
}

// TestSinceAsksForNothingThatHasExpired: DynamoDB deletes days later, and a log of days is long.
func TestSinceAsksForNothingThatHasExpired(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	oldest := now.Add(-revocation.Entry{At: now}.ExpiresAt().Sub(now))
	for name, test := range map[string]struct{ from, want time.Time }{
		"everything":      {time.Time{}, oldest},
		"long ago":        {now.Add(-48 * time.Hour), oldest},
		"a minute ago":    {now.Add(-time.Minute), now.Add(-time.Minute)},
		"from the future": {now.Add(time.Minute), now.Add(time.Minute)},
	} {
		table := newFake(t)
		store := open(t, dynamo.Config{Table: "t", Endpoint: table.URL, Now: func() time.Time { return now }})
		if _, err := store.Since(t.Context(), test.from); err != nil {
			t.Fatalf("%s: Since: %v", name, err)
		}
		got := attribute(table.last(t).body["ExpressionAttributeValues"], ":from")
		if want := strconv.FormatInt(test.want.UnixMilli(), 10); got != want {
			t.Errorf("%s: asked from %s, want %s", name, got, want)
		}
	}
}
