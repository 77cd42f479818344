import com.nimbusds.jwt.JWTClaimsSet;
import java.io.BufferedReader;
import java.io.InputStreamReader;

/** As verify.mjs, for the class AccessTokens. */
public final class VerifyTokens {
  public static void main(String[] args) throws Exception {
    AccessTokens tokens = new AccessTokens();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String token = in.readLine(); token != null; token = in.readLine()) {
      try {
        JWTClaimsSet claims = tokens.verify(token);
        System.out.println("accepted " + claims.getSubject());
      } catch (Exception e) {
        System.out.println("refused " + e.toString().replace('\n', ' '));
      }
    }
  }
}
