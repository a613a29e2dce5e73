//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  extension HTTPServer.Configuration {
    /// The way that handlers learn of a client's address, and whether others are believed about it.
    public struct ForwardedFor: Hashable, Sendable {
      private enum Mode: Hashable { case off, replace, trusting(TrustedProxies) }
      private let mode: Mode

      /// Requests are left as they come: handlers do not learn the address, and must not believe what clients claim.
      public static let off = ForwardedFor(mode: .off)
      /// The peer's address becomes the request's only `X-Forwarded-For`. Other claims about whom a request is forwarded for
      /// (`X-Forwarded-*`, `Forwarded`, `X-Real-IP` and the like) are dropped. For a server that clients talk to directly.
      public static let replace = ForwardedFor(mode: .replace)
      /// As `replace`, but requests of `proxies` keep what is known through them: the client's address and the proxies'
      /// own in `X-Forwarded-For`, and scheme, host and port that the client used, which become the request's. Other claims,
      /// such as `X-Forwarded-Prefix`, are dropped here too: they are no part of what a response is stored under.
      public static func trusting(_ proxies: TrustedProxies) -> ForwardedFor { ForwardedFor(mode: .trusting(proxies)) }

      /// Whether `peer` is believed about whom it forwards requests for, and so stands for many clients.
      func trusts(_ peer: String) -> Bool {
        if case .trusting(let proxies) = mode { proxies.contains(peer: peer) } else { false }
      }

      /// The change to the head of every request from `peer`; nil when there is none.
      func amendment(for peer: String) -> (@Sendable (inout RequestHead) -> Void)? {
        switch mode {
        case .off:
          return nil
        case .trusting(let proxies) where proxies.contains(peer: peer):
          return { head in
            let route = RequestRoute(peer: peer, fields: head.fields, trusting: proxies)
            let namesRealIP = head.fields.contains("X-Real-IP")
            // All claims, also those that the route is not made of. A claim that is no part of the key must not change what
            // the origin answers, and a proxy may pass on fields that it does not know as the client sent them.
            ForwardedFields.removeClaims(from: &head.fields)
            head.fields.append(.xForwardedFor, route.nodes.joined(separator: ", "))
            if namesRealIP { head.fields.append("X-Real-IP", route.nodes[0]) }
            if let scheme = route.scheme { head.scheme = scheme }
            guard let authority = route.authority, authority != head.authority else { return }
            // One host only: what is stored for one must not be made for another that the origin is told of.
            head.authority = authority
            head.fields[.host] = authority
          }
        case .replace, .trusting:
          let node = RequestRoute(peer: peer).nodes[0]
          return { head in
            ForwardedFields.removeClaims(from: &head.fields)
            head.fields.append(.xForwardedFor, node)
          }
        }
      }
    }
  }
#endif
