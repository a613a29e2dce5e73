//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import ServerHarness
import Testing

/// Inputs that the fuzzer has found worth keeping, and inputs made up without guidance.
@Suite struct RedisCorpusTests {
  @Test func replay() throws { #expect(try RedisFuzzTarget.replayCorpus() > 0) }

  @Test func random() {
    var generator = SplitMix64(seed: 12)
    let value = "identity\0\0\0\0\0\0\0\u{1}1oh"
    let starts = [
      "i17592186044400-5", "r\(value)", "khttps://e/a", "eMOVED 1 h:5", "b\u{5}HCB\u{1}\0",
      "*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nr\r\n$19\r\n\(value)\r\n", "*0\r\n", "",
    ]
    for round in 0..<6000 {
      var input = Array(starts[round % starts.count].utf8)
      for _ in 0..<Int.random(in: 0...3, using: &generator) { input = Nonsense.mutated(input, &generator) }
      RedisFuzzTarget.run(input.span)
    }
  }
}
