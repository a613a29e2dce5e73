//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The pieces of a response with several parts (`multipart/byteranges`, RFC 9110 §14.6, §15.3.7.2), to be sent around
/// the slices of a body.
struct MultipartByteRanges: Sendable {
  /// One part: what is sent before it, and which octets it is.
  struct Part: Sendable {
    var head: Bytes
    var range: Range<Int>
  }

  /// The fields of the 206.
  var fields: HeaderFields
  /// The parts in order.
  var parts: [Part]
  /// What is sent behind the last.
  var closing: Bytes
  /// The length of all of it.
  var length: Int

  /// - Parameters:
  ///   - stored: The fields of the complete representation.
  ///   - ranges: Two or more parts of it.
  ///   - length: Its length.
  ///   - boundary: A text that does not occur in it, of at most 70 letters and digits: random, and not the client's to
  ///     foresee.
  init(of stored: HeaderFields, ranges: [Range<Int>], length: Int?, boundary: String) {
    let type = stored.values(of: .contentType).first
    var total = 0
    var parts: [Part] = []
    for range in ranges {
      var head = parts.isEmpty ? "--" : "\r\n--"
      head += boundary
      head += "\r\n"
      if let type { head += "Content-Type: \(type)\r\n" }
      head += "Content-Range: \(ContentRange(range: range, completeLength: length).text)\r\n\r\n"
      let bytes = Bytes(head)
      total += bytes.count + range.count
      parts.append(Part(head: bytes, range: range))
    }
    closing = Bytes("\r\n--\(boundary)--\r\n")
    self.parts = parts
    self.length = total + closing.count
    fields = RFC9110.withoutContentFields(stored).filter { view in view.known != .contentType }
    fields.append(KnownHeader.contentType, "multipart/byteranges; boundary=\(boundary)")
    fields.append(KnownHeader.contentLength, String(self.length))
  }
}
