import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configuration.EnableWebSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.endpoint.OAuth2RefreshTokenGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientRefreshTokenTokenResponseClient;
import org.springframework.security.oauth2.client.oidc.authentication.OidcIdTokenDecoderFactory;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.registration.ClientRegistrations;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.client.web.HttpSessionOAuth2AuthorizedClientRepository;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestCustomizers;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizedClientRepository;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtDecoderFactory;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.servlet.util.matcher.PathPatternRequestMatcher;
import org.springframework.web.context.support.AnnotationConfigWebApplicationContext;
import org.springframework.web.filter.DelegatingFilterProxy;

/** A site that signs people in with Spring Security: SignInSpring ISSUER CLIENT SECRET PORT FOLDER. It says "ready" when it listens on 127.0.0.1. */
public final class SignInSpring {
  static String issuer, client, secret;

  public static void main(String[] args) throws Exception {
    issuer = args[0];
    client = args[1];
    secret = args[2];
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(args[4]);
    tomcat.setHostname("127.0.0.1");
    tomcat.setPort(Integer.parseInt(args[3]));
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context site = tomcat.addContext("", null);
    AnnotationConfigWebApplicationContext spring = new AnnotationConfigWebApplicationContext();
    spring.register(Security.class);
    site.addServletContainerInitializer((classes, servlets) -> {
      spring.setServletContext(servlets);
      spring.refresh();
      servlets.addFilter("security", new DelegatingFilterProxy("springSecurityFilterChain", spring)).addMappingForUrlPatterns(null, false, "/*");
      servlets.addServlet("page", new Page(spring.getBean(OAuth2AuthorizedClientRepository.class))).addMapping("/");
    }, null);
    tomcat.start();
    System.out.println("ready");
    while (System.in.read() >= 0) {} // until the test is over
    System.exit(0);
  }

  @Configuration
  @EnableWebSecurity
  static class Security {
    @Bean
    ClientRegistrationRepository registrations() {
      return new InMemoryClientRegistrationRepository(ClientRegistrations.fromIssuerLocation(issuer)
          .registrationId("wavepass").clientId(client).clientSecret(secret).scope("openid", "profile").build());
    }

    @Bean
    OAuth2AuthorizedClientRepository authorizedClients() {
      return new HttpSessionOAuth2AuthorizedClientRepository();
    }

    @Bean
    JwtDecoderFactory<ClientRegistration> idTokenDecoderFactory() {
      OidcIdTokenDecoderFactory factory = new OidcIdTokenDecoderFactory();
      factory.setJwsAlgorithmResolver(registration -> SignatureAlgorithm.ES256);
      return factory;
    }

    @Bean
    SecurityFilterChain chain(HttpSecurity http, ClientRegistrationRepository registrations) throws Exception {
      DefaultOAuth2AuthorizationRequestResolver withPkce = new DefaultOAuth2AuthorizationRequestResolver(registrations);
      withPkce.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());
      OidcClientInitiatedLogoutSuccessHandler signOut = new OidcClientInitiatedLogoutSuccessHandler(registrations);
      signOut.setPostLogoutRedirectUri("{baseUrl}/bye");
      return http
          .authorizeHttpRequests(requests -> requests
              .requestMatchers(PathPatternRequestMatcher.withDefaults().matcher("/bye")).permitAll().anyRequest().authenticated())
          .oauth2Login(login -> login.authorizationEndpoint(endpoint -> endpoint.authorizationRequestResolver(withPkce)))
          .logout(logout -> logout.logoutRequestMatcher(PathPatternRequestMatcher.withDefaults().matcher("/out")).logoutSuccessHandler(signOut))
          .build();
    }
  }

  /** What the site shows: whether somebody is signed in, after it has asked for new tokens. */
  static final class Page extends HttpServlet {
    private final transient OAuth2AuthorizedClientRepository authorizedClients;

    Page(OAuth2AuthorizedClientRepository authorizedClients) {
      this.authorizedClients = authorizedClients;
    }

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
      response.setContentType("text/html");
      response.getWriter().print("<!doctype html><title>app</title><link rel=icon href=data:,><p id=said>" + said(request) + "</p><a id=out href=/out>Sign out</a>");
    }

    private String said(HttpServletRequest request) {
      Authentication who = SecurityContextHolder.getContext().getAuthentication();
      if (who == null || who instanceof AnonymousAuthenticationToken) {
        return "signed out";
      }
      try {
        OidcUser user = (OidcUser) who.getPrincipal();
        if (!user.getUserInfo().getSubject().equals(user.getIdToken().getSubject())) {
          return "the user info is about somebody else";
        }
        OAuth2AuthorizedClient tokens = authorizedClients.loadAuthorizedClient("wavepass", who, request);
        String fresh = new RestClientRefreshTokenTokenResponseClient().getTokenResponse(new OAuth2RefreshTokenGrantRequest(
            tokens.getClientRegistration(), tokens.getAccessToken(), tokens.getRefreshToken())).getAccessToken().getTokenValue();
        return fresh.equals(tokens.getAccessToken().getTokenValue()) ? "the same access token" : "signed in";
      } catch (RuntimeException e) {
        return e.toString();
      }
    }
  }
}
