//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension HeaderFields {
  /// What a server has to know of a response's fields before it sends them, found out in one go: it asks for every response.
  package struct FramingFacts {
    /// There is a field that is the server's own business: `Connection`, `Keep-Alive`, `Proxy-Connection` or
    /// `Transfer-Encoding`.
    package var hasHopByHop: Bool
    /// There is a `Date`.
    package var hasDate: Bool
    /// There is a `Content-Length`, whatever it says.
    package var hasContentLength: Bool
    /// What the only `Content-Length` says; nil when there is none, or no one, or when it is no number of up to 18 digits.
    package var contentLength: Int?
  }

  /// What the fields say about how they, and the content behind them, are to be sent.
  package var framingFacts: FramingFacts {
    let hopByHop =
      KnownHeader.connection.bit | KnownHeader.keepAlive.bit | KnownHeader.proxyConnection.bit
      | KnownHeader.transferEncoding.bit
    let presence = presence
    let hasLength = presence & KnownHeader.contentLength.bit != 0
    return FramingFacts(
      hasHopByHop: presence & hopByHop != 0, hasDate: presence & KnownHeader.date.bit != 0,
      hasContentLength: hasLength, contentLength: hasLength ? onlyContentLength : nil)
  }

  private var onlyContentLength: Int? {
    storage.withBytes { bytes in
      var length: Int?
      for position in 0..<count {
        let entry = storage.entry(position)
        guard entry.known == .contentLength else { continue }
        guard length == nil, entry.valueRange.count <= 18, !entry.valueRange.isEmpty else { return nil }
        var value = 0
        for index in entry.valueRange {
          guard ASCII.isDigit(bytes[index]) else { return nil }
          value = value * 10 + Int(bytes[index] - UInt8(ascii: "0"))
        }
        length = value
      }
      return length
    }
  }
}
