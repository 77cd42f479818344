package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
)

// Account implements account.Store. Functions that go on to change the account need the schema number as well.
func (s *Store) Account(ctx context.Context, id uuid.UUID) (account.Account, error) {
	defer s.readSchemaMeanwhile(ctx)()
	got, err := s.get(ctx, "read account", accountKey(id))
	switch {
	case err != nil:
		return account.Account{}, err
	case len(got) == 0:
		return account.Account{}, account.ErrNotFound
	}
	r := &reader{item: got}
	found := account.Account{
		ID:       id,
		Username: r.text("username"),
		Roles:    r.texts("roles"),
		Scopes:   r.texts("scopes"),
		Disabled: r.truth("disabled"),
		Epoch:    r.number("epoch"),
	}
	if r.err != nil {
		return account.Account{}, unavailable("read account", r.err)
	}
	return found, nil
}

// LoginName implements account.Store.
func (s *Store) LoginName(ctx context.Context, username string) (account.LoginName, error) {
	got, err := s.get(ctx, "read login name", loginKey(username))
	switch {
	case err != nil:
		return account.LoginName{}, err
	case len(got) == 0:
		return account.LoginName{}, account.ErrNotFound
	}
	r := &reader{item: got}
	found := account.LoginName{
		AccountID: r.id("account_id"),
		Hash:      r.text("hash"),
		Epoch:     r.number("epoch"),
	}
	if r.err != nil {
		return account.LoginName{}, unavailable("read login name", r.err)
	}
	return found, nil
}

// CreateAccount implements account.Creator.
func (s *Store) CreateAccount(ctx context.Context, a account.Account, hash string) error {
	acct := accountKey(a.ID)
	acct["username"] = text(a.Username)
	acct["roles"] = texts(a.Roles)
	acct["scopes"] = texts(a.Scopes)
	acct["disabled"] = truth(a.Disabled)
	acct["epoch"] = number(a.Epoch)

	login := loginKey(a.Username)
	login["account_id"] = text(a.ID.String())
	login["hash"] = text(hash)
	login["epoch"] = number(a.Epoch)

	failed, err := s.transact(ctx, "create account", s.putNew(acct), s.putNew(login))
	if err != nil || failed == nil {
		return err
	}
	// Our own write, seen by its repetition, has left a login name that leads to this account.
	if r := (&reader{item: failed[1].Item}); r.id("account_id") == a.ID && r.err == nil {
		return nil
	}
	return account.ErrExists
}

// ChangeAccount implements account.Changer.
func (s *Store) ChangeAccount(ctx context.Context, c account.Change) error {
	acct := s.raiseEpoch(accountKey(c.Account.ID), c)
	acct.Update.UpdateExpression = aws.String("SET epoch = :to, disabled = :disabled")
	acct.Update.ExpressionAttributeValues[":disabled"] = truth(c.Account.Disabled)

	login := s.raiseEpoch(loginKey(c.Account.Username), c)
	login.Update.UpdateExpression = aws.String("SET epoch = :to")
	if c.Hash != "" {
		// The names of attributes that DynamoDB reserves go through a placeholder.
		login.Update.UpdateExpression = aws.String("SET epoch = :to, #hash = :hash")
		login.Update.ExpressionAttributeNames = map[string]string{"#hash": "hash"}
		login.Update.ExpressionAttributeValues[":hash"] = text(c.Hash)
	}
	writes := []types.TransactWriteItem{acct, login, {Put: &types.Put{TableName: &s.table, Item: s.encodeEntry(c.Entry)}}}
	if c.Keep != uuid.Nil {
		writes = append(writes, s.keepSession(c))
	}
	failed, err := s.transact(ctx, "change account", writes...)
	return changed(failed, err)
}

// changed is the result of a transaction whose first two writes are of an account and its login name, and
// whose last may be of a session.
func changed(failed []types.CancellationReason, err error) error {
	switch {
	case err != nil || failed == nil:
		return err
	case failedCondition(failed[:1]) && len(failed[0].Item) == 0:
		return account.ErrNotFound
	case failedCondition(failed[:2]):
		return account.ErrConflict
	}
	return account.ErrNotKept
}

// keepSession is the part of a transaction that gives the session that a change keeps the new epoch.
func (s *Store) keepSession(c account.Change) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.table,
		Key:       sessionKey(c.Account.ID, c.Keep),
		// False too when there is no session.
		ConditionExpression: aws.String("epoch >= :from AND attribute_not_exists(revoked_at) AND idle_expiry > :now AND expiry > :now"),
		UpdateExpression:    aws.String("SET epoch = :to"),
		ExpressionAttributeValues: item{
			":from": number(c.From),
			":to":   number(c.Account.Epoch),
			":now":  seconds(c.Entry.At), // expiries are whole seconds: the fraction decides nothing
		},
	}}
}

// SetAccess implements account.Keeper.
func (s *Store) SetAccess(ctx context.Context, id uuid.UUID, roles, scopes []string) error {
	_, ok, err := s.update(ctx, "set access", dynamodb.UpdateItemInput{
		Key:                      accountKey(id),
		ConditionExpression:      aws.String("attribute_exists(pk)"),
		UpdateExpression:         aws.String("SET #roles = :roles, scopes = :scopes"),
		ExpressionAttributeNames: map[string]string{"#roles": "roles"},
		ExpressionAttributeValues: item{
			":roles":  texts(roles),
			":scopes": texts(scopes),
		},
	})
	if err == nil && !ok {
		err = account.ErrNotFound
	}
	return err
}

// DeleteAccount implements account.Keeper.
func (s *Store) DeleteAccount(ctx context.Context, c account.Change) error {
	failed, err := s.transact(ctx, "delete account", s.deleteAt(accountKey(c.Account.ID), c), s.deleteAt(loginKey(c.Account.Username), c),
		types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: s.encodeEntry(c.Entry)}})
	return changed(failed, err)
}

// deleteAt is a part of a transaction that fails with the item as it is when its epoch is another.
func (s *Store) deleteAt(key item, c account.Change) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName:                           &s.table,
		Key:                                 key,
		ConditionExpression:                 aws.String("epoch = :from"),
		ExpressionAttributeValues:           item{":from": number(c.From)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// raiseEpoch is a part of a transaction that fails with the item as it is when its epoch is another.
func (s *Store) raiseEpoch(key item, c account.Change) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName:           &s.table,
		Key:                 key,
		ConditionExpression: aws.String("epoch = :from"),
		ExpressionAttributeValues: item{
			":from": number(c.From),
			":to":   number(c.Account.Epoch),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// putNew is a part of a transaction that fails with the item that is already there.
func (s *Store) putNew(it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                           &s.table,
		Item:                                it,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}
