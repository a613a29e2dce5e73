//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The hosts that a proxy answers for.
///
/// A cache keeps responses apart by host. Where any host is answered for, whoever makes up hosts fills the cache with copies
/// of the same responses.
public struct PermittedHosts: Hashable, Sendable, CustomStringConvertible {
  private struct Pattern: Hashable {
    /// In lower case; with the leading dot of a wildcard, without its asterisk.
    var host: String
    var isWildcard: Bool
    /// The only port; nil for the scheme's default one and that on which the proxy listens.
    var port: Int?
    var text: String
  }

  /// Every host.
  public static let any = PermittedHosts(patterns: nil)

  private let patterns: [Pattern]?

  private init(patterns: [Pattern]?) { self.patterns = patterns }

  /// Hosts from a list, separated by commas: names, addresses, `*.example.org` for all names below `example.org` (not itself),
  /// each with a port or without. Without one, the scheme's default port and the one on which the proxy listens are meant.
  ///
  /// - Throws: ``CommandLineError`` when something in the list is no host.
  public init(_ text: some StringProtocol) throws(CommandLineError) {
    var patterns: [Pattern] = []
    for element in text.split(separator: ",", omittingEmptySubsequences: false) {
      let isWildcard = element.hasPrefix("*.")
      let name = String(isWildcard ? element.dropFirst(2) : element)
      guard RequestTarget.isAuthority(name), !name.contains("*"), let (host, port) = OriginURL.split(name),
        !isWildcard || (IPAddress(host) == nil && !host.hasPrefix("."))
      else { throw CommandLineError("\"\(element)\" is no host; write example.org, *.example.org or example.org:8080") }
      patterns.append(
        Pattern(
          host: (isWildcard ? "." : "") + host.lowercased(), isWildcard: isWildcard, port: port, text: String(element)))
    }
    self.init(patterns: patterns)
  }

  /// Whether requests for `authority` are answered.
  ///
  /// - Parameters:
  ///   - authority: The request's: in lower case, without the scheme's default port.
  ///   - scheme: The request's.
  ///   - ownPort: The port on which the proxy listens.
  func contain(_ authority: String, scheme: String, ownPort: Int) -> Bool {
    guard let patterns else { return true }
    guard let (host, port) = OriginURL.split(authority) else { return false }
    let standard = scheme == "https" ? 443 : 80
    return patterns.contains { pattern in
      let isHost =
        pattern.isWildcard ? host.hasSuffix(pattern.host) && host.count > pattern.host.count : host == pattern.host
      guard isHost else { return false }
      if let required = pattern.port { return required == port ?? standard }
      return port == nil || port == standard || port == ownPort
    }
  }

  /// The list as it was written.
  public var description: String { patterns.map { $0.map(\.text).joined(separator: ",") } ?? "any" }
}

extension OptionKind where Value == PermittedHosts {
  /// Hosts that are answered for: `example.org,*.example.org`.
  public static var hosts: OptionKind {
    OptionKind(
      parse: { text, name throws(CommandLineError) in
        do throws(CommandLineError) {
          return try PermittedHosts(text)
        } catch {
          throw CommandLineError("--\(name): \(error)")
        }
      }, describe: { $0.description })
  }
}
