//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How large the parts of a message may be. What is larger is refused, never cut.
public struct MessageLimits: Hashable, Sendable {
  /// The most octets in a request line or status line: 8 KiB. More is 414 (URI Too Long).
  public var startLine: Int
  /// The most octets in a header section, or in a trailer section: 32 KiB. More is 431.
  public var fieldSection: Int
  /// The most fields in a section: 128. More is 431.
  public var fieldCount: Int
  /// The most octets of content: 64 MiB. More is 413.
  public var body: Int
  /// The most octets in a line that announces a chunk, its extensions included: 1 KiB.
  public var chunkLine: Int

  /// Whether fields of requests whose names have an underscore in them are taken; otherwise they are dropped. CGI, WSGI, PHP
  /// and their like take `X_Forwarded_For` for `X-Forwarded-For` (CVE-2015-0219). Responses keep them: nobody who reads a
  /// response mistakes the one for the other.
  public var allowsUnderscores = false
  /// The trailer fields that are taken and sent; others are dropped.
  public var trailers = PermittedTrailers.unrestricted

  /// Limits that suit most servers.
  public init(
    startLine: Int = 8 << 10,
    fieldSection: Int = 32 << 10,
    fieldCount: Int = 128,
    body: Int = 64 << 20,
    chunkLine: Int = 1 << 10
  ) {
    self.startLine = startLine
    self.fieldSection = fieldSection
    self.fieldCount = fieldCount
    self.body = body
    self.chunkLine = chunkLine
  }
}
