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
    /// What the only `Content-Length` says; nil when there is none, or no one, or when it is no number of up to 18 digits, the
    /// first of which is not zero unless it is the only one: some readers take `010` for eight.
    package var contentLength: Int?
  }

  /// What the fields say about how they, and the content behind them, are to be sent.
  package var framingFacts: FramingFacts {
    let hopByHop =
      KnownHeader.connection.bit | KnownHeader.keepAlive.bit | KnownHeader.proxyConnection.bit
      | KnownHeader.transferEncoding.bit
    // Straight from the memory: what is shared is never written to, and every property asked for would be a checked access.
    return storage.withUnsafeMutablePointers { header, elements in
      let presence = header.pointee.presence
      let hasLength = presence & KnownHeader.contentLength.bit != 0
      return FramingFacts(
        hasHopByHop: presence & hopByHop != 0, hasDate: presence & KnownHeader.date.bit != 0,
        hasContentLength: hasLength,
        contentLength: hasLength ? Self.onlyContentLength(header.pointee, UnsafeRawPointer(elements)) : nil)
    }
  }

  private static func onlyContentLength(_ header: HeaderStorage.Header, _ bytes: UnsafeRawPointer) -> Int? {
    let entries = bytes + header.byteCapacity
    var length: Int?
    for position in 0..<header.fieldCount {
      let entry = entries.load(
        fromByteOffset: position * MemoryLayout<HeaderStorage.Entry>.stride, as: HeaderStorage.Entry.self)
      guard entry.known == .contentLength else { continue }
      let range = entry.valueRange
      guard length == nil, range.count <= 18, let first = range.first,
        range.count == 1 || bytes.load(fromByteOffset: first, as: UInt8.self) != UInt8(ascii: "0")
      else { return nil }
      var value = 0
      for index in range {
        let octet = bytes.load(fromByteOffset: index, as: UInt8.self)
        guard ASCII.isDigit(octet) else { return nil }
        value = value * 10 + Int(octet - UInt8(ascii: "0"))
      }
      length = value
    }
    return length
  }
}
