package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/wavepass/wavepass/pkg/account"
)

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, id uuid.UUID) (account.Account, error) {
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
	failed, err := s.transact(ctx, "change account", acct, login,
		types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: s.encodeEntry(c.Entry)}})
	switch {
	case err != nil:
		return err
	case failed == nil:
		return nil
	case failedCondition(failed[:1]) && len(failed[0].Item) == 0:
		return account.ErrNotFound
	}
	return account.ErrConflict
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
