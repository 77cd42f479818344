package dynamo

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/session"
)

// Subject implements session.Directory. Both items are read at once, and not in a transaction: BeginSession has a condition on each.
func (s *Store) Subject(ctx context.Context, subject account.Subject, key string) (account.Account, session.Begun, error) {
	defer s.readSchemaMeanwhile(ctx)()
	var (
		wg                   sync.WaitGroup
		known                account.Account
		begun                session.Begun
		subjectErr, begunErr error
	)
	wg.Go(func() {
		got, err := s.get(ctx, "read subject", subjectKey(subject))
		if err == nil {
			known, err = decodeSubject(got)
		}
		subjectErr = err
	})
	if key != "" {
		wg.Go(func() {
			got, err := s.get(ctx, "read what was begun", begunKey(subject, key))
			if err == nil {
				begun, err = decodeBegun(got, key, s.now())
			}
			begunErr = err
		})
	}
	wg.Wait()
	switch {
	case begunErr != nil:
		return account.Account{}, session.Begun{}, begunErr
	case errors.Is(subjectErr, account.ErrNotFound):
		return account.Account{}, begun, subjectErr
	case subjectErr != nil:
		return account.Account{}, session.Begun{}, subjectErr
	}
	return known, begun, nil
}

// decodeSubject reads an account out of the record of its subject, which has the attributes of an account and its id.
func decodeSubject(it item) (account.Account, error) {
	if len(it) == 0 {
		return account.Account{}, account.ErrNotFound
	}
	r := &reader{item: it}
	id := r.id("account_id")
	if r.err != nil {
		return account.Account{}, unavailable("read subject", r.err)
	}
	return decodeAccount(it, id)
}

// encodeSubject writes every attribute that it writes at all, also an empty one, because it replaces those of an older record.
func encodeSubject(a account.Account) item {
	it := encodeAccount(a)
	maps.Copy(it, subjectKey(a.Subject))
	it["account_id"] = text(a.ID.String())
	it["claims"] = text(string(a.Claims))
	delete(it, "endings")
	delete(it, "proof")
	delete(it, "email") // it changes without a beginning, so a copy would be out of date
	delete(it, "email_verified_at")
	delete(it, "held")
	delete(it, "identities") // it is one of them
	return it
}

// decodeBegun returns the zero Begun when there is no item, or its time is over.
func decodeBegun(it item, key string, now time.Time) (session.Begun, error) {
	if len(it) == 0 {
		return session.Begun{}, nil
	}
	r := &reader{item: it}
	begun := session.Begun{
		Key: key, Body: r.text("body"), AccountID: r.id("account_id"), SessionID: r.id("session_id"), Until: r.seconds(ttl),
	}
	switch {
	case r.err != nil:
		return session.Begun{}, unavailable("read what was begun", r.err)
	case !now.Before(begun.Until):
		return session.Begun{}, nil
	}
	return begun, nil
}

func encodeBegun(subject account.Subject, b session.Begun) item {
	it := begunKey(subject, b.Key)
	it["body"] = text(b.Body)
	it["account_id"] = text(b.AccountID.String())
	it["session_id"] = text(b.SessionID.String())
	it[ttl] = seconds(b.Until)
	return it
}

// BeginSession implements session.Directory.
func (s *Store) BeginSession(ctx context.Context, b session.Beginning) (account.Account, error) {
	const owner, created, rest = 0, 2, 3 // places in the transaction
	writes := []types.TransactWriteItem{s.ownerOf(b), s.recordSubject(b), missing(s.setAll(encodeSession(b.Session)))}
	if b.New && b.Account.Email.Address != "" {
		writes = append(writes, missing(s.setAll(encodeAddress(b.Account.Email.Address, b.Account.ID))))
	}
	if b.Begun.Key != "" {
		writes = append(writes, s.recordBegun(b))
	}
	failed, err := s.transact(ctx, "begin session", writes...)
	if err != nil || failed == nil {
		return account.Account{}, err
	}
	switch {
	case failedCondition(failed[created : created+1]):
		return account.Account{}, nil // this very write was made before, and its answer was lost
	case b.New && failedCondition(failed[owner:created]):
		return account.Account{}, account.ErrExists
	case b.Linked && failedCondition(failed[owner+1:created]):
		return account.Account{}, account.ErrExists
	case failedCondition(failed[owner : owner+1]):
		now, err := decodeAccount(failed[owner].Item, b.Account.ID)
		if err == nil {
			err = account.ErrConflict
		}
		return now, err
	case b.New && b.Account.Email.Address != "" && failedCondition(failed[rest:rest+1]):
		return account.Account{}, account.ErrAddressTaken
	}
	return account.Account{}, session.ErrBegun
}

// ownerOf is the part of a transaction that makes the account of a session, or compares it with what is known of it.
func (s *Store) ownerOf(b session.Beginning) types.TransactWriteItem {
	if b.New {
		return missing(s.setAll(encodeAccount(b.Account)))
	}
	values := item{":epoch": number(b.Account.Epoch), ":roles": texts(b.Account.Roles), ":scopes": texts(b.Account.Scopes)}
	condition := "epoch = :epoch AND #roles = :roles AND scopes = :scopes AND claims = :claims"
	if values[":claims"] = text(string(b.Account.Claims)); b.Account.Claims == "" {
		condition = "epoch = :epoch AND #roles = :roles AND scopes = :scopes AND (claims = :claims OR attribute_not_exists(claims))"
	}
	if b.Linked {
		values[":identities"] = encodeIdentities(b.Account.Identities)
		return types.TransactWriteItem{Update: &types.Update{
			TableName:                           &s.table,
			Key:                                 accountKey(b.Account.ID),
			ConditionExpression:                 &condition,
			UpdateExpression:                    aws.String("SET identities = :identities"),
			ExpressionAttributeNames:            map[string]string{"#roles": "roles"},
			ExpressionAttributeValues:           values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}}
	}
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName:                           &s.table,
		Key:                                 accountKey(b.Account.ID),
		ConditionExpression:                 &condition,
		ExpressionAttributeNames:            map[string]string{"#roles": "roles"},
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// recordSubject is the part that keeps the account with its subject. The condition of an account that is not new is part of ownerOf.
func (s *Store) recordSubject(b session.Beginning) types.TransactWriteItem {
	write := s.setAll(encodeSubject(b.Account))
	if b.New || b.Linked {
		return missing(write)
	}
	return write
}

// recordBegun is the part that keeps what is begun with an idempotency key.
func (s *Store) recordBegun(b session.Beginning) types.TransactWriteItem {
	write := s.setAll(encodeBegun(b.Account.Subject, b.Begun))
	write.Update.ConditionExpression = aws.String("attribute_not_exists(pk) OR " + ttl + " <= :now")
	write.Update.ExpressionAttributeValues[":now"] = seconds(b.Session.CreatedAt)
	write.Update.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	return write
}

// missing adds the condition that there is no such item.
func missing(write types.TransactWriteItem) types.TransactWriteItem {
	write.Update.ConditionExpression = aws.String("attribute_not_exists(pk)")
	write.Update.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	return write
}
