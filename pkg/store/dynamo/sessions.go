package dynamo

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/session"
)

// Session implements session.Store.
func (s *Store) Session(ctx context.Context, account, id uuid.UUID) (session.Session, error) {
	got, err := s.get(ctx, "read session", sessionKey(account, id))
	if err != nil {
		return session.Session{}, err
	}
	return decodeSession(got, account, id)
}

// SessionsOf implements session.Lister.
func (s *Store) SessionsOf(ctx context.Context, account, before uuid.UUID, limit int) (session.Page, error) {
	query := &dynamodb.QueryInput{
		TableName:                 &s.table,
		ConsistentRead:            aws.Bool(true),
		ScanIndexForward:          aws.Bool(false),
		Limit:                     aws.Int32(int32(min(limit, math.MaxInt32))),
		KeyConditionExpression:    aws.String("pk = :account"),
		ExpressionAttributeValues: item{":account": sessionKey(account, before)[partitionKey]},
	}
	if before != uuid.Nil {
		query.KeyConditionExpression = aws.String("pk = :account AND sk < :before")
		query.ExpressionAttributeValues[":before"] = text(before.String())
	}
	ctx, cancel := context.WithTimeout(ctx, s.callTime)
	defer cancel()
	out, err := s.api.Query(ctx, query)
	if err != nil {
		return session.Page{}, unavailable("list sessions", err)
	}
	return decodePage(out, account)
}

func decodePage(out *dynamodb.QueryOutput, account uuid.UUID) (session.Page, error) {
	var page session.Page
	for _, it := range out.Items {
		at := &reader{item: it}
		id := at.id(sortKey)
		if at.err != nil {
			return session.Page{}, unavailable("list sessions", at.err)
		}
		found, err := decodeSession(it, account, id)
		if err != nil {
			return session.Page{}, err
		}
		page.Sessions = append(page.Sessions, found)
	}
	if len(out.LastEvaluatedKey) > 0 {
		last := &reader{item: out.LastEvaluatedKey}
		page.Next = last.id(sortKey)
		if last.err != nil {
			return session.Page{}, unavailable("list sessions", last.err)
		}
	}
	return page, nil
}

// Create implements session.Creator.
func (s *Store) Create(ctx context.Context, created session.Session) error {
	_, err := s.put(ctx, "create session", dynamodb.PutItemInput{
		Item:                encodeSession(created),
		ConditionExpression: aws.String("attribute_not_exists(pk)"),
	})
	return err // a failed condition is our own write, seen by its repetition
}

// CreateAfter implements session.Creator.
func (s *Store) CreateAfter(ctx context.Context, c account.Change, created session.Session) error {
	return s.changeAccount(ctx, "create session after a change", c,
		s.setAll(encodeSession(created)))
}

// Rotate implements session.Store.
func (s *Store) Rotate(ctx context.Context, r session.Rotation) (session.Session, error) {
	condition := "generation = :generation AND client_id = :client AND attribute_not_exists(revoked_at)" +
		" AND idle_expiry > :now AND expiry > :now"
	values := item{
		":generation": number(r.Generation),
		":client":     text(r.ClientID),
		":now":        seconds(r.Now), // expiries are whole seconds: the fraction decides nothing
		":rotated":    milliseconds(r.Now),
		":network":    text(r.Network),
		":idle":       seconds(r.IdleExpiry),
	}
	if r.MinAge > 0 {
		condition += " AND rotated_at <= :young"
		values[":young"] = milliseconds(r.Now.Add(-r.MinAge))
	}
	var names map[string]string
	if r.Target.Resource != "" {
		names, values[":resource"] = map[string]string{"#resource": "resource"}, text(r.Target.Resource) // a reserved word
		if condition += " AND (#resource = :resource"; r.Target.Own {
			condition += " OR attribute_not_exists(#resource)"
		}
		condition += ")"
	}
	// Every right-hand side is the item as it was. The idle expiry is never after the absolute one, so it is the time to live
	// as well.
	update := "SET rotated_at = :rotated, used_from = :network, idle_expiry = :idle, expires_at = :idle"
	if !r.Keep {
		update += ", generation = :next, prior_rotation = rotated_at"
		values[":next"] = number(int64(r.Generation) + 1)
	}
	return s.updateSession(ctx, "rotate", r.AccountID, r.SessionID, dynamodb.UpdateItemInput{
		ConditionExpression:       &condition,
		UpdateExpression:          &update,
		ExpressionAttributeValues: values,
		ExpressionAttributeNames:  names,
	})
}

// RecordReplay implements session.Store.
func (s *Store) RecordReplay(ctx context.Context, r session.Replay) (session.Session, error) {
	condition := "generation = :generation AND client_id = :client AND attribute_not_exists(revoked_at) AND late = :was_late"
	if len(r.WasStale) > 0 {
		condition += " AND stale = :was_stale"
	} else {
		condition += " AND (stale = :was_stale OR attribute_not_exists(stale))"
	}
	return s.updateSession(ctx, "record replay", r.AccountID, r.SessionID, dynamodb.UpdateItemInput{
		ConditionExpression: &condition,
		UpdateExpression:    aws.String("SET late = :late, stale = :stale"),
		ExpressionAttributeValues: item{
			":generation": number(r.Generation),
			":client":     text(r.ClientID),
			":was_late":   encodeLate(r.WasLate),
			":late":       encodeLate(r.Late),
			":was_stale":  encodeStale(r.WasStale),
			":stale":      encodeStale(r.Stale),
		},
	})
}

// RecordUse implements session.UseRecorder. It names only what it writes, and asks for nothing back, so that IAM can fence it in
// (docs/adr/0070-the-authorizer-writes-when-a-session-was-used.md).
func (s *Store) RecordUse(ctx context.Context, u session.Use) error {
	ok, err := s.updateBlind(ctx, "note the use of a session", dynamodb.UpdateItemInput{
		Key:                 sessionKey(u.AccountID, u.SessionID),
		ConditionExpression: aws.String("used_at = :before"),
		// The idle expiry is never after the absolute one, so it is the time to live as well.
		UpdateExpression: aws.String("SET used_at = :now, used_from = :network, idle_expiry = :idle, expires_at = :idle"),
		ExpressionAttributeValues: item{
			":before":  milliseconds(u.Before),
			":now":     milliseconds(u.Now),
			":network": text(u.Network),
			":idle":    seconds(u.IdleExpiry),
		},
	})
	if err == nil && !ok {
		err = session.ErrStale
	}
	return err
}

// updateSession makes a conditional update with the results of session.Store.Rotate.
func (s *Store) updateSession(ctx context.Context, op string, account, id uuid.UUID, in dynamodb.UpdateItemInput) (session.Session, error) {
	in.Key = sessionKey(account, id)
	got, ok, err := s.update(ctx, op, in)
	if err != nil {
		return session.Session{}, err
	}
	found, err := decodeSession(got, account, id)
	if err == nil && !ok {
		err = session.ErrStale
	}
	return found, err
}

// Revoke implements session.Store.
func (s *Store) Revoke(ctx context.Context, e session.Ending) error {
	failed, err := s.transact(ctx, "revoke session",
		types.TransactWriteItem{Update: &types.Update{
			TableName: &s.table,
			Key:       sessionKey(e.AccountID, e.SessionID),
			// False too when there is no session.
			ConditionExpression: aws.String("client_id = :client AND (attribute_not_exists(revoked_at) OR revoked_at >= :began)"),
			UpdateExpression: aws.String("SET revoked_at = if_not_exists(revoked_at, :at)," +
				" reason = if_not_exists(reason, :reason)"),
			ExpressionAttributeValues: item{
				":client": text(e.ClientID),
				":began":  milliseconds(e.Began),
				":at":     milliseconds(e.Entry.At),
				":reason": text(string(e.Reason)),
			},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}},
		s.setAll(s.encodeEntry(e.Entry)),
	)
	switch {
	case err != nil:
		return err
	case failed == nil:
		return nil
	case len(failed[0].Item) == 0:
		return session.ErrNotFound
	}
	if r := (&reader{item: failed[0].Item}); r.text("client_id") == e.ClientID && r.err == nil {
		return session.ErrRevoked
	}
	return session.ErrStale
}

func encodeSession(s session.Session) item {
	it := sessionKey(s.AccountID, s.ID)
	it["client_id"] = text(s.ClientID)
	it["generation"] = number(s.Generation)
	it["rotated_at"] = milliseconds(s.RotatedAt)
	it["created_at"] = milliseconds(s.CreatedAt)
	it["auth_time"] = seconds(s.AuthTime)
	it["amr"] = texts(s.AMR)
	it["idle_expiry"] = seconds(s.IdleExpiry)
	it["expiry"] = seconds(s.Expiry)
	it["epoch"] = number(s.Epoch)
	it["remembered"] = truth(s.Remembered)
	it["device"] = text(s.Device)
	it["network"] = text(s.Network)
	it["used_from"] = text(s.UsedFrom)
	it["late"] = encodeLate(s.Late)
	if s.Scopes != nil {
		it["scopes"] = texts(s.Scopes)
	}
	if !s.PriorRotation.IsZero() {
		it["prior_rotation"] = milliseconds(s.PriorRotation)
	}
	if s.Resource != "" {
		it["resource"] = text(s.Resource)
	}
	if len(s.HandleHash) > 0 {
		it["handle_hash"] = bytesOf(s.HandleHash)
		it["used_at"] = milliseconds(s.UsedAt)
	}
	if len(s.Stale) > 0 {
		it["stale"] = encodeStale(s.Stale)
	}
	if !s.RevokedAt.IsZero() {
		it["revoked_at"] = milliseconds(s.RevokedAt)
		it["reason"] = text(string(s.Reason))
	}
	it[ttl] = number(min(s.IdleExpiry.Unix(), s.Expiry.Unix()))
	if s.Pending != nil {
		encodePending(it, *s.Pending)
	}
	return it
}

// decodeSession returns session.ErrNotFound for no item, and oauth.ErrUnavailable for one that cannot be read.
func decodeSession(it item, account, id uuid.UUID) (session.Session, error) {
	if len(it) == 0 {
		return session.Session{}, session.ErrNotFound
	}
	r := &reader{item: it}
	s := session.Session{
		AccountID:  account,
		ID:         id,
		ClientID:   r.text("client_id"),
		Generation: r.generation("generation"),
		RotatedAt:  r.milliseconds("rotated_at"),
		CreatedAt:  r.milliseconds("created_at"),
		AuthTime:   r.seconds("auth_time"),
		AMR:        r.texts("amr"),
		IdleExpiry: r.seconds("idle_expiry"),
		Expiry:     r.seconds("expiry"),
		Epoch:      r.number("epoch"),
		Remembered: r.truth("remembered"),
		Device:     r.text("device"),
		Late:       r.late("late"),
	}
	if r.has("network") { // there are items older than these attributes
		s.Network = r.text("network")
	}
	if r.has("used_from") {
		s.UsedFrom = r.text("used_from")
	}
	if r.has("scopes") {
		s.Scopes = append([]string{}, r.texts("scopes")...) // not nil: that would be "not known"
	}
	if r.has("prior_rotation") {
		s.PriorRotation = r.milliseconds("prior_rotation")
	}
	if r.has("resource") {
		s.Resource = r.text("resource")
	}
	if r.has("code_hash") {
		s.Pending = r.pending()
	}
	if r.has("handle_hash") {
		s.HandleHash, s.UsedAt = r.bytes("handle_hash"), r.milliseconds("used_at")
	}
	s.Stale = r.stale("stale")
	if r.has("revoked_at") {
		s.RevokedAt = r.milliseconds("revoked_at")
		s.Reason = session.Reason(r.text("reason"))
	}
	if r.err != nil {
		return session.Session{}, unavailable("read session", r.err)
	}
	return s, nil
}

// encodeLate keeps each late retry as "<generation>@<unix ms>". The list is always written, also empty, so
// that a condition can compare it.
func encodeLate(late []session.Late) types.AttributeValue {
	list := make([]string, len(late))
	for i, l := range late {
		list[i] = pair(l.Generation, "@", l.At.UnixMilli())
	}
	return texts(list)
}

// encodeStale keeps each count as "<generation>x<count>".
func encodeStale(stale []session.Stale) types.AttributeValue {
	list := make([]string, len(stale))
	for i, s := range stale {
		list[i] = pair(s.Generation, "x", int64(s.Count))
	}
	return texts(list)
}

func pair(generation uint32, separator string, n int64) string {
	return strconv.FormatUint(uint64(generation), 10) + separator + strconv.FormatInt(n, 10)
}

func (r *reader) late(name string) []session.Late {
	var late []session.Late
	r.pairs(name, "@", func(g uint32, ms int64) {
		late = append(late, session.Late{Generation: g, At: time.UnixMilli(ms).UTC()})
	})
	return late
}

func (r *reader) stale(name string) []session.Stale {
	var stale []session.Stale
	r.pairs(name, "x", func(g uint32, count int64) { stale = append(stale, session.Stale{Generation: g, Count: int(count)}) })
	return stale
}

// pairs calls each with every pair of a list.
func (r *reader) pairs(name, separator string, each func(generation uint32, n int64)) {
	for _, encoded := range r.texts(name) {
		generation, n, _ := strings.Cut(encoded, separator)
		g, generationErr := strconv.ParseUint(generation, 10, 32)
		value, valueErr := strconv.ParseInt(n, 10, 64)
		if generationErr != nil || valueErr != nil {
			r.fail(name)
			return
		}
		each(uint32(g), value)
	}
}
