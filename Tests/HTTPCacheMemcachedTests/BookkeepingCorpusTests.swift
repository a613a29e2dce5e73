//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import ServerHarness
import Testing

/// Values and replies of a server that the fuzzer has found worth keeping, and inputs made up without guidance.
@Suite struct BookkeepingCorpusTests {
  @Test func replay() throws { #expect(try BookkeepingFuzzTarget.replayCorpus() > 0) }

  @Test func random() {
    var generator = SplitMix64(seed: 11)
    let alphabet = Array("manrcbo0123456789@ \n\r-hstpVALUEkENDSTORED\u{0}\u{7F}abcdef".utf8)
    let starts = [
      "m1 2@3", "a1\nh 2 3 p 1 0123456789abcdef0123456789abcdef", "n1", "rVALUE k 1 5 7\r\nhello\r\nEND\r\n",
      "o1\n2\n3", "",
    ]
    for round in 0..<6000 {
      var input = Array(starts[round % starts.count].utf8)
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
        let place = Int.random(in: 0...input.count, using: &generator)
        if place < input.count, Bool.random(using: &generator) {
          input[place] = byte
        } else {
          input.insert(byte, at: place)
        }
      }
      BookkeepingFuzzTarget.run(input.span)
    }
  }
}
