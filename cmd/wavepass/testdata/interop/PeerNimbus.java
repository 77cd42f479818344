import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import com.nimbusds.oauth2.sdk.AccessTokenResponse;
import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.RefreshTokenGrant;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenIntrospectionRequest;
import com.nimbusds.oauth2.sdk.TokenIntrospectionResponse;
import com.nimbusds.oauth2.sdk.TokenIntrospectionSuccessResponse;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.TokenRevocationRequest;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.ClientSecretPost;
import com.nimbusds.oauth2.sdk.auth.PrivateKeyJWT;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import com.nimbusds.oauth2.sdk.token.RefreshToken;
import com.nimbusds.oauth2.sdk.token.Token;
import com.nimbusds.oauth2.sdk.util.JSONObjectUtils;
import com.nimbusds.openid.connect.sdk.UserInfoRequest;
import com.nimbusds.openid.connect.sdk.UserInfoResponse;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import net.minidev.json.JSONObject;

/** Nimbus' OAuth 2.0 SDK as it is; see peer.mjs for what it reads and prints. */
public final class PeerNimbus {
  private static JSONObject given;
  private static OIDCProviderMetadata server;

  public static void main(String[] args) throws Exception {
    given = JSONObjectUtils.parse(new String(System.in.readAllBytes(), StandardCharsets.UTF_8));
    Issuer issuer = new Issuer(text("issuer"));
    say("discovery", "RFC 8414", AuthorizationServerMetadata.resolve(issuer).getTokenEndpointURI());
    server = OIDCProviderMetadata.resolve(issuer);
    say("discovery", "OpenID", server.getTokenEndpointURI());

    withTokensOfALogin();
    withTokensOfItsOwn("basic", new ClientSecretBasic(new ClientID("partner"), new Secret(text("secret"))));
    withTokensOfItsOwn("post", new ClientSecretPost(new ClientID("partner"), new Secret(text("secret"))));
    withTokensOfItsOwn("key", null);
    checks();
  }

  private static void withTokensOfALogin() throws Exception {
    ClientID app = new ClientID("app");
    RefreshToken first = new RefreshToken(text("refresh_token"));
    AccessTokenResponse granted = ask(new TokenRequest(server.getTokenEndpointURI(), app, new RefreshTokenGrant(first))).toSuccessResponse();
    RefreshToken next = granted.getTokens().getRefreshToken();
    say("refresh", "public", next.equals(first) ? "the same token" : "rotated");
    UserInfoResponse who = UserInfoResponse.parse(new UserInfoRequest(server.getUserInfoEndpointURI(), granted.getTokens().getAccessToken()).toHTTPRequest().send());
    say("/userinfo", "yes", who.toSuccessResponse().getUserInfo().getSubject());
    new TokenRevocationRequest(server.getRevocationEndpointURI(), app, next).toHTTPRequest().send().ensureStatusCode(200);
    TokenResponse afterwards = ask(new TokenRequest(server.getTokenEndpointURI(), app, new RefreshTokenGrant(next)));
    say("revocation", "public", afterwards.indicatesSuccess() ? "no error" : afterwards.toErrorResponse().getErrorObject().getCode());
  }

  private static void withTokensOfItsOwn(String how, ClientAuthentication secret) throws Exception {
    AccessToken token = ask(new TokenRequest(server.getTokenEndpointURI(), or(secret), new ClientCredentialsGrant(), new Scope("profile")))
        .toSuccessResponse().getTokens().getAccessToken();
    TokenIntrospectionSuccessResponse before = introspect(or(secret), token);
    say("client credentials", how, before.getSubject());
    say("introspection", how, before.isActive());
    new TokenRevocationRequest(server.getRevocationEndpointURI(), or(secret), token).toHTTPRequest().send().ensureStatusCode(200);
    say("revocation", how, introspect(or(secret), token).isActive());
  }

  /** An assertion is good once: a new one for each request. */
  private static ClientAuthentication or(ClientAuthentication secret) throws Exception {
    if (secret != null) return secret;
    ECKey key = ECKey.parse(JSONObjectUtils.getJSONObject(given, "jwk"));
    return new PrivateKeyJWT(new ClientID("keyed"), server.getTokenEndpointURI(), JWSAlgorithm.ES256, key.toECPrivateKey(), "k1", null);
  }

  private static TokenResponse ask(TokenRequest request) throws Exception {
    return TokenResponse.parse(request.toHTTPRequest().send());
  }

  private static TokenIntrospectionSuccessResponse introspect(ClientAuthentication auth, Token token) throws Exception {
    return TokenIntrospectionResponse.parse(
        new TokenIntrospectionRequest(server.getIntrospectionEndpointURI(), auth, token).toHTTPRequest().send()).toSuccessResponse();
  }

  private static void checks() throws Exception {
    DefaultJWTProcessor<SecurityContext> tokens = new DefaultJWTProcessor<>();
    tokens.setJWSTypeVerifier(new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt")));
    tokens.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.ES256, JWKSourceBuilder.create(server.getJWKSetURI().toURL()).build()));
    tokens.setJWTClaimsSetVerifier(new DefaultJWTClaimsVerifier<>(
        text("audience"), new JWTClaimsSet.Builder().issuer(text("issuer")).build(), Set.of("sub", "exp", "iat", "jti", "client_id")));
    for (Object each : (List<?>) given.get("tokens")) {
      JSONObject token = new JSONObject((java.util.Map<String, ?>) each);
      String outcome = "accepted";
      try {
        tokens.process((String) token.get("text"), null);
      } catch (Exception e) {
        outcome = "refused: " + e.toString().replace('\n', ' ');
      }
      say("RFC 9068 check", (String) token.get("name"), outcome);
    }
  }

  private static String text(String name) {
    return (String) given.get(name);
  }

  private static void say(String feature, String how, Object outcome) {
    System.out.println(feature + "\t" + how + "\t" + outcome);
  }
}
